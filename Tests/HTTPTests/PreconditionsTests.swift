import HTTP
import HTTPTypes
import Testing

@Test(arguments: [
    (#""a""#, Preconditions.unchanged), (#"W/"a""#, .unchanged), (#""b", "a""#, .unchanged),
    (#""b",W/"a""#, .unchanged),
    ("*", .unchanged), (#""b""#, .met), ("a", .met), (#""a"#, .met), ("", .met), (#""A""#, .met), (#""a,b""#, .met),
])
func `a client that has the tag is told so`(value: String, expected: Preconditions) {
    #expect(Preconditions([.ifNoneMatch: value], entityTag: #""a""#) == expected)
}

@Test func `a tag may hold commas`() {
    #expect(Preconditions([.ifNoneMatch: #""x", "a,b""#], entityTag: #""a,b""#) == .unchanged)
}

@Test(arguments: [
    (#""a""#, Preconditions.met), ("*", .met), (#""b", "a""#, .met), (#""b""#, .failed), (#"W/"a""#, .failed),
    ("a", .failed),
])
func `a client that wants another tag gets nothing`(value: String, expected: Preconditions) {
    #expect(Preconditions([.ifMatch: value], entityTag: #""a""#) == expected)
}

@Test func `a weak tag does not match strongly`() {
    #expect(Preconditions([.ifMatch: #"W/"a""#], entityTag: #"W/"a""#) == .failed)
    #expect(Preconditions([.ifNoneMatch: #""a""#], entityTag: #"W/"a""#) == .unchanged)
}

@Test func `a range is only answered for the representation that If-Range names`() {
    #expect(Preconditions.allowsRange([:], entityTag: nil))
    #expect(Preconditions.allowsRange([.ifRange: #""a""#], entityTag: #""a""#))
    #expect(!Preconditions.allowsRange([.ifRange: #""b""#], entityTag: #""a""#))
    #expect(!Preconditions.allowsRange([.ifRange: #"W/"a""#], entityTag: #"W/"a""#))
    #expect(!Preconditions.allowsRange([.ifRange: "Sun, 06 Nov 1994 08:49:37 GMT"], entityTag: #""a""#))
    #expect(!Preconditions.allowsRange([.ifRange: #""a""#], entityTag: nil))
}
