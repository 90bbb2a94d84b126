import Testing

@testable import HTTP

/// A chunked body with its expected content; nil when it is refused.
struct ChunkedVector: CustomStringConvertible, Sendable {
    let row: Int
    let content: String?
    let input: String

    init(_ row: Int, _ content: String?, _ input: String) {
        (self.row, self.content, self.input) = (row, content, input)
    }

    var description: String { "row \(row): \(input.debugDescription)" }

    static let all: [ChunkedVector] = [
        ChunkedVector(11, "", "0\r\n\r\n"),
        ChunkedVector(11, "abc", "3\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, "abcdefghijklmnopqrstuvwxyz", "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n"),
        ChunkedVector(11, "0123456789", "A\r\n0123456789\r\n0000\r\n\r\n"),
        ChunkedVector(11, "a\r\n0\r\n\r\n", "8\r\na\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        ChunkedVector(11, "abc", "0000000000000003\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "00000000000000003\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "0x3\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "+3\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "-3\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, " 3\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "3 \r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, ";x\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "3_\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "g\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "7fffffffffffffff\r\na"),
        ChunkedVector(11, nil, "8000000000000000\r\na"),
        ChunkedVector(11, nil, "ffffffffffffffff\r\na"),
        ChunkedVector(11, nil, "10000000000000003\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(11, nil, "1\r\na\r\n7fffffffffffffff\r\na"),
        ChunkedVector(12, "abc", "3;x\r\nabc\r\n0;y=z\r\n\r\n"),
        ChunkedVector(12, "abc", "3; x = \"y;z\" ;w\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;x;\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;x\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;x\u{0}\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;x\u{7F}\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(12, nil, "3;x\ry\r\nabc\r\n0\r\n\r\n"),
        ChunkedVector(14, nil, "3\nabc\n0\n\n"),
        ChunkedVector(14, nil, "3\r\nabc\n0\r\n\r\n"),
        ChunkedVector(14, nil, "3\r\nabcd\r\n0\r\n\r\n"),
        ChunkedVector(14, nil, "3\r\nabc0\r\n\r\n"),
        ChunkedVector(14, nil, "3\r\nabc\rX0\r\n\r\n"),
        ChunkedVector(14, nil, "3\rabc\r\n0\r\n\r\n"),
        ChunkedVector(14, nil, "3\r\nabc\r\n0\n\r\n"),
        ChunkedVector(14, nil, "3\r\nabc\r\n0\r\n\n"),
        ChunkedVector(15, "abc", "3\r\nabc\r\n0\r\nX: y\r\n\r\n"),
        ChunkedVector(15, "abc", "3\r\nabc\r\n0\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: c\r\n\r\n"),
        ChunkedVector(15, nil, "3\r\nabc\r\n0\r\nX y\r\n\r\n"),
        ChunkedVector(15, nil, "3\r\nabc\r\n0\r\n X: y\r\n\r\n"),
        ChunkedVector(15, nil, "3\r\nabc\r\n0\r\nX : y\r\n\r\n"),
        ChunkedVector(15, nil, "3\r\nabc\r\n0\r\nX: y\n\r\n"),
        ChunkedVector(15, nil, "3\r\nabc\r\n0\r\nX: \u{0}\r\n\r\n"),
    ]
}

@Test(arguments: ChunkedVector.all) func `a chunked body is its content, or refused`(vector: ChunkedVector) {
    let outcome = BodyOutcome(bytes(vector.input), .chunked, pieces: .max / 2)
    #expect(outcome.isFinished == (vector.content != nil))
    #expect((outcome.error == nil) == (vector.content != nil))
    if let content = vector.content {
        #expect(text(outcome.content) == content)
        #expect(outcome.consumed == vector.input.unicodeScalars.count)
    }
}

@Test(arguments: ChunkedVector.all) func `the pieces in which a chunked body comes do not matter`(vector: ChunkedVector)
{
    let input = bytes(vector.input)
    let whole = BodyOutcome(input, .chunked, pieces: .max / 2)
    for pieces in 1...input.count { #expect(BodyOutcome(input, .chunked, pieces: pieces) == whole) }
}

@Test(arguments: ChunkedVector.all.filter { $0.content != nil })
func `no beginning of a chunked body is taken for all of it`(vector: ChunkedVector) {
    let input = bytes(vector.input)
    for length in 0..<input.count {
        let outcome = BodyOutcome(Array(input[..<length]), .chunked, pieces: .max / 2)
        #expect(!outcome.isFinished)
        #expect(outcome.error == nil)
    }
}

@Test func `what follows a body is left alone`() throws {
    let chunked = bytes("3\r\nabc\r\n0\r\n\r\n")
    #expect(BodyOutcome(chunked + bytes("GET /"), .chunked, pieces: .max / 2).consumed == chunked.count)
    let plain = BodyOutcome(bytes("abcdef"), .length(4), pieces: 3)
    #expect(text(plain.content) == "abcd")
    #expect(plain.consumed == 4)
}

@Test func `a body of no length is over at once`() throws {
    for framing in [BodyFraming.none, .length(0)] {
        #expect(try BodyReader(framing, limits: Limits()).isFinished)
    }
}

@Test func `millions of tiny chunks are refused, large ones are not`() throws {
    var reader = try BodyReader(.chunked, limits: Limits())
    var content: [UInt8] = []
    let tiny = bytes(String(repeating: "1\r\na\r\n", count: 1000))
    #expect(throws: RequestError.chunkOverhead) {
        for _ in 0..<1000 { _ = try reader.read(tiny.span, into: &content) }
    }
    #expect(content.count < Limits().tinyChunksBytes)

    reader = try BodyReader(.chunked, limits: Limits())
    let large = bytes(String(repeating: "10\r\n0123456789abcdef\r\n", count: 1000))
    for _ in 0..<100 { _ = try reader.read(large.span, into: &content) }
}
