import HTTP
import Testing

@Test(arguments: [
    ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=0-", .part(0..<10)), ("bytes=2-5", .part(2..<6)),
    ("bytes=9-", .part(9..<10)), ("bytes=0-9", .part(0..<10)), ("bytes=0-10", .part(0..<10)),
    ("bytes=0-9223372036854775807", .part(0..<10)), ("bytes=0-99999999999999999999", .part(0..<10)),
    ("bytes=-1", .part(9..<10)), ("bytes=-10", .part(0..<10)), ("bytes=-11", .part(0..<10)),
    ("bytes=-99999999999999999999", .part(0..<10)), ("BYTES=1-2", .part(1..<3)), ("bytes= 1-2 ", .part(1..<3)),
    ("bytes=00-01", .part(0..<2)),
    ("bytes=10-", .unsatisfiable), ("bytes=10-20", .unsatisfiable), ("bytes=-0", .unsatisfiable),
    ("bytes=9223372036854775807-", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
    ("bytes=99999999999999999998-99999999999999999999", .unsatisfiable),
    ("bytes=5-4", .whole), ("bytes=99999999999999999999-5", .whole), ("bytes=-", .whole), ("bytes=", .whole),
    ("bytes", .whole), ("", .whole), ("items=0-1", .whole), ("bytes=0-1,3-4", .whole), ("bytes=a-b", .whole),
    ("bytes=1 2-20", .whole), ("bytes=1 -2", .whole), ("bytes=1- 2", .whole), ("bytes=\u{212A}-1", .whole),
    ("bytes=+1-2", .whole), ("bytes=--1", .whole), ("bytes=1--2", .whole), ("bytes=0x1-2", .whole),
])
func `a range of ten bytes`(value: String, range: ByteRange) {
    #expect(ByteRange(value, length: 10) == range)
}

@Test(arguments: ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"]) func `nothing has no part`(value: String) {
    #expect(ByteRange(value, length: 0) == .unsatisfiable)
}
