import Testing

@testable import HTTP

// Each limit is tested at its value and one past it.
@Test(arguments: [0, 1]) func `a target`(excess: Int) {
    var limits = Limits()
    limits.targetBytes = 50
    let target = "/" + String(repeating: "a", count: limits.targetBytes - 1 + excess)
    var parser = HeadParser(limits: limits)
    let outcome = parser.outcome(bytes("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n"))
    #expect(outcome.status == (excess == 0 ? nil : 414))
}

@Test func `a target without an end is refused before it has one`() {
    var parser = HeadParser(limits: Limits())
    var input = bytes("GET /")
    while parser.outcome(input) == .incomplete, input.count < 100_000 {
        input += bytes(String(repeating: "a", count: 100))
    }
    #expect(parser.outcome(input).status == 414)
    #expect(input.count < 8400)
}

@Test func `8000 bytes of request line are taken`() throws {
    #expect(try head("GET /\(String(repeating: "a", count: 7980)) HTTP/1.1\r\nHost: a\r\n\r\n") != nil)
}

@Test(arguments: [0, 1]) func `the bytes of all headers`(excess: Int) {
    var limits = Limits()
    limits.fieldBytes = 100
    let fields = "Host: a\r\n" + "X: " + String(repeating: "b", count: 100 - 9 - 3 - 2 + excess) + "\r\n"
    #expect(fields.utf8.count == 100 + excess)
    var parser = HeadParser(limits: limits)
    #expect(parser.outcome(bytes("GET / HTTP/1.1\r\n\(fields)\r\n")).status == (excess == 0 ? nil : 431))
}

@Test func `a header without an end is refused before it has one`() {
    var parser = HeadParser(limits: Limits())
    var input = bytes("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    while parser.outcome(input) == .incomplete, input.count < 100_000 {
        input += bytes(String(repeating: "a", count: 100))
    }
    #expect(parser.outcome(input).status == 431)
    #expect(input.count < 16_700)
}

@Test(arguments: [0, 1]) func `the number of headers`(excess: Int) {
    let limits = Limits()
    let fields = "Host: a\r\n" + String(repeating: "X: y\r\n", count: limits.fields - 1 + excess)
    var parser = HeadParser(limits: limits)
    #expect(parser.outcome(bytes("GET / HTTP/1.1\r\n\(fields)\r\n")).status == (excess == 0 ? nil : 431))
}

@Test(arguments: [0, 1]) func `the length of a body`(excess: Int) {
    var limits = Limits()
    limits.bodyBytes = 10
    let error: RequestError? = excess == 0 ? nil : .bodyTooLarge(limitBytes: 10)
    let body = String(repeating: "a", count: 10 + excess)
    #expect(BodyOutcome(bytes(body), .length(10 + excess), limits: limits, pieces: 100).error == error)
    let chunks = "5\r\naaaaa\r\n" + String(5 + excess, radix: 16) + "\r\n\(body.dropFirst(5))\r\n0\r\n\r\n"
    #expect(BodyOutcome(bytes(chunks), .chunked, limits: limits, pieces: 100).error == error)
}

@Test(arguments: [0, 1]) func `what stands beside the size of a chunk`(excess: Int) {
    let limits = Limits()
    let beside = ";" + String(repeating: "x", count: limits.chunkExtensionBytes - 1 + excess)
    let outcome = BodyOutcome(bytes("1\(beside)\r\na\r\n0\r\n\r\n"), .chunked, pieces: 1000)
    #expect(outcome.error == (excess == 0 ? nil : .chunkOverhead))
}

@Test(arguments: [0, 1]) func `what stands beside the sizes of all chunks`(excess: Int) {
    let limits = Limits()
    let beside = ";" + String(repeating: "x", count: limits.chunkExtensionBytes - 1)
    let chunks = String(
        repeating: "1\(beside)\r\na\r\n", count: limits.chunkExtensionsBytes / limits.chunkExtensionBytes)
    let outcome = BodyOutcome(bytes(chunks + "0\(excess == 0 ? "" : ";x")\r\n\r\n"), .chunked, pieces: 1 << 20)
    #expect(outcome.error == (excess == 0 ? nil : .chunkOverhead))
}

@Test(arguments: [0, 1]) func `trailers`(excess: Int) {
    let limits = Limits()
    let many = "0\r\n" + String(repeating: "X: y\r\n", count: limits.fields + excess) + "\r\n"
    #expect(BodyOutcome(bytes(many), .chunked, pieces: 1 << 20).error?.status == (excess == 0 ? nil : 431))
    let long = "0\r\nX: " + String(repeating: "y", count: limits.fieldBytes - 7 + excess) + "\r\n\r\n"
    #expect(BodyOutcome(bytes(long), .chunked, pieces: 1 << 20).error?.status == (excess == 0 ? nil : 431))
}

private func formError(_ input: String, _ limits: Limits) -> MultipartError? {
    let input = bytes(input)
    var position = 0
    do {
        var reader = try MultipartReader(contentType: "multipart/form-data; boundary=b", limits: limits)
        while try reader.next(input.span, at: &position) != nil {}
        try reader.finish()
        return nil
    } catch {
        return error
    }
}

private let disposition = "Content-Disposition: form-data; name=\"x\"\r\n"

@Test(arguments: [0, 1]) func `the parts of a form`(excess: Int) {
    var limits = Limits()
    limits.parts = 3
    let form = String(repeating: "--b\r\n\(disposition)\r\ny\r\n", count: 3 + excess) + "--b--"
    #expect(formError(form, limits) == (excess == 0 ? nil : .tooManyParts(limit: 3)))
}

@Test(arguments: [0, 1]) func `the headers of a part`(excess: Int) {
    var limits = Limits()
    limits.partHeaderBytes = 100
    let padding = "X: " + String(repeating: "y", count: 100 - disposition.utf8.count - 7 + excess) + "\r\n"
    #expect(
        formError("--b\r\n\(disposition)\(padding)\r\n\r\n--b--", limits)
            == (excess == 0 ? nil : .headersTooLarge(limitBytes: 100)))
}

@Test(arguments: [0, 1]) func `the name of a part`(excess: Int) {
    var limits = Limits()
    limits.partNameBytes = 10
    let name = String(repeating: "n", count: 10 + excess)
    for parameters in ["name=\(name)", "name=x; filename=\(name)"] {
        let form = "--b\r\nContent-Disposition: form-data; \(parameters)\r\n\r\n\r\n--b--"
        #expect(formError(form, limits) == (excess == 0 ? nil : .nameTooLong(limitBytes: 10)))
    }
}

@Test(arguments: [0, 1]) func `what stands before a form`(excess: Int) {
    var limits = Limits()
    limits.preambleBytes = 10
    let form = String(repeating: "p", count: 10 + excess) + "\r\n--b\r\n\(disposition)\r\n\r\n--b--"
    #expect(formError(form, limits) == (excess == 0 ? nil : .preamble(limitBytes: 10)))
}
