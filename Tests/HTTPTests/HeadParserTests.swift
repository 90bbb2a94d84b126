import HTTPTypes
import Testing

@testable import HTTP

@Test(arguments: HeadVector.all) func `a head is understood or refused as the table says`(vector: HeadVector) {
    var parser = HeadParser(limits: Limits())
    let outcome = parser.outcome(bytes(vector.input))
    #expect((outcome.status ?? 200) == vector.status, "\(outcome)")
    if vector.status == 200 { #expect(outcome == .complete(consumed: vector.input.unicodeScalars.count)) }
}

@Test(arguments: HeadVector.all) func `a head that comes in two pieces ends as the whole one does`(vector: HeadVector) {
    let input = bytes(vector.input)
    var parser = HeadParser(limits: Limits())
    let whole = parser.outcome(input)
    for length in 0..<input.count {
        var parser = HeadParser(limits: Limits())
        let first = parser.outcome(Array(input[..<length]))
        // An early refusal must equal the refusal of the whole head.
        if first == .incomplete { #expect(parser.outcome(input) == whole) } else { #expect(first == whole) }
    }
}

@Test(arguments: HeadVector.all) func `a head that comes byte by byte ends as the whole one does`(vector: HeadVector) {
    let input = bytes(vector.input)
    var whole = HeadParser(limits: Limits())
    var parser = HeadParser(limits: Limits())
    var outcome = Outcome.incomplete
    for length in 1...input.count where outcome == .incomplete { outcome = parser.outcome(Array(input[..<length])) }
    #expect(outcome == whole.outcome(input))
}

@Test func `what follows a head is left alone`() throws {
    let first = bytes("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    var parser = HeadParser(limits: Limits())
    #expect(parser.outcome(first + bytes("GET /b HTTP/1.1\r\nHost:\n")) == .complete(consumed: first.count))
}

@Test func `a head says what was asked for`() throws {
    let head = try #require(
        try head(
            "PUT /v1/jobs/%C3%A4+b?limit=5&after=job%5F1&x=a+b%2Bc&flag HTTP/1.1\r\nHost: a:80\r\nX: 1\r\nx:  2 \r\n\r\n"
        ))
    #expect(head.method == .put)
    #expect(head.path == "/v1/jobs/ä+b")
    #expect(head.query.map(\.name) == ["limit", "after", "x", "flag"])
    #expect(head.query.map(\.value) == ["5", "job_1", "a b+c", ""])
    #expect(head.authority == "a:80")
    #expect(head.headers[values: try #require(HTTPField.Name("X"))] == ["1", "2"])
    #expect(head.framing == .none)
}

@Test func `the authority of a whole address counts more than Host`() throws {
    let head = try #require(try head("GET http://b:81?x=y HTTP/1.1\r\nHost: a\r\n\r\n"))
    #expect(head.authority == "b:81")
    #expect(head.path == "/")
    #expect(head.query.map(\.value) == ["y"])
}

@Test(arguments: [
    ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false), ("HTTP/1.1", "Connection: Close\r\n", false),
    ("HTTP/1.1", "Connection: keep-alive, close\r\n", false),
    ("HTTP/1.1", "Connection: x\r\nConnection: close\r\n", false),
    ("HTTP/1.1", "Connection: closed\r\n", true), ("HTTP/1.0", "", false),
    ("HTTP/1.0", "Connection: keep-alive\r\n", true),
    ("HTTP/1.0", "Connection: Keep-Alive\r\n", true), ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
])
func `a client says whether it comes again`(version: String, fields: String, keepsAlive: Bool) throws {
    let head = try #require(try head("GET / \(version)\r\nHost: a\r\n\(fields)\r\n"))
    #expect(head.keepsAlive == keepsAlive)
}

@Test(arguments: [
    ("", BodyFraming.none), ("Content-Length: 0\r\n", .length(0)), ("Content-Length: 0012\r\n", .length(12)),
    ("Transfer-Encoding: Chunked\r\n", .chunked),
])
func `a head says where its body ends`(fields: String, framing: BodyFraming) throws {
    #expect(try head("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")?.framing == framing)
}

@Test func `bytes that are no UTF-8 are read as ISO 8859-1`() throws {
    let head = try #require(try head("GET / HTTP/1.1\r\nHost: a\r\nX: \u{E4}\r\n\r\n"))
    #expect(head.headers[try #require(HTTPField.Name("X"))] == "ä")
}
