import HTTPTypes
import Testing

@testable import HTTP

private let date = "Sun, 06 Nov 1994 08:49:37 GMT"

@Test func `a head is written line by line`() throws {
    let bytes = try ResponseWriter.head(
        status: 200, headers: [.contentType: "text/plain", .eTag: "\"a\""], framing: .length(5), connection: nil,
        date: date)
    #expect(
        text(bytes)
            == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"a\"\r\nDate: \(date)\r\nContent-Length: 5\r\n\r\n"
    )
}

@Test(arguments: [
    (ResponseWriter.Framing.none, ""), (.length(0), "Content-Length: 0\r\n"),
    (.chunked, "Transfer-Encoding: chunked\r\n"),
    (.close, ""),
])
func `a head says how its body ends`(framing: ResponseWriter.Framing, line: String) throws {
    let bytes = try ResponseWriter.head(status: 204, headers: [:], framing: framing, connection: "close", date: date)
    #expect(text(bytes) == "HTTP/1.1 204 No Content\r\nDate: \(date)\r\n\(line)Connection: close\r\n\r\n")
}

@Test func `handlers do not frame`() throws {
    let headers: HTTPFields = [.contentLength: "7", .transferEncoding: "gzip", .connection: "x", .date: "y"]
    let bytes = try ResponseWriter.head(status: 200, headers: headers, framing: .length(5), connection: nil, date: date)
    #expect(text(bytes) == "HTTP/1.1 200 OK\r\nDate: \(date)\r\nContent-Length: 5\r\n\r\n")
}

@Test(arguments: ["a\r\nSet-Cookie: b", "a\rb", "a\nb", "a\u{0}b", "\u{7F}"]) func `no value begins another line`(
    value: String
) {
    var bytes: [UInt8] = []
    #expect(throws: ResponseWriter.WritingError.field("Location")) {
        try ResponseWriter.append("Location", value, to: &bytes)
    }
    #expect(bytes.isEmpty)
}

@Test(arguments: ["", "a b", "a:", "a\r\nb", "ä"]) func `no name is anything but a name`(name: String) {
    var bytes: [UInt8] = []
    #expect(throws: ResponseWriter.WritingError.field(name)) { try ResponseWriter.append(name, "x", to: &bytes) }
}

@Test(arguments: [0, 99, 100, 199, 600, -1]) func `a status has three digits and is final`(status: Int) {
    #expect(throws: ResponseWriter.WritingError.status(status)) {
        try ResponseWriter.head(status: status, headers: [:], framing: .none, connection: nil, date: date)
    }
}

@Test func `a chunk has its size before it`() {
    #expect(
        text(ResponseWriter.chunk(Array(repeating: 0x61, count: 26))) == "1a\r\n" + String(repeating: "a", count: 26)
            + "\r\n")
}

@Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
    (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
    (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
])
func `a date is written as RFC 9110 wants it`(seconds: Int, text: String) {
    #expect(HTTPDate.text(at: seconds) == text)
}
