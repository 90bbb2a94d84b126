import Testing

@testable import HTTP

/// A parsed form: each part with its content.
private struct Form: Hashable {
    struct Part: Hashable {
        var part: FormPart
        var content: [UInt8] = []
        var isEnded = false
    }

    var parts: [Part] = []
    var error: MultipartError?

    init(_ input: [UInt8], boundary: String = "b", limits: Limits = Limits(), pieces: Int = .max / 2) {
        do {
            var reader = try MultipartReader(contentType: "multipart/form-data; boundary=\(boundary)", limits: limits)
            var start = 0
            while start < input.count {
                let piece = Array(input[start..<min(start + pieces, input.count)])
                start += piece.count
                try take(piece, from: &reader)
            }
            try reader.finish()
        } catch let error as MultipartError {
            self.error = error
        } catch {
            Issue.record("\(error)")
        }
    }

    private mutating func take(_ piece: [UInt8], from reader: inout MultipartReader) throws {
        var position = 0
        while let event = try reader.next(piece.span, at: &position) {
            switch event {
            case .begin(let part): parts.append(Part(part: part))
            case .content(let range): parts[parts.count - 1].content += piece[range]
            case .held(let bytes): parts[parts.count - 1].content += bytes
            case .end: parts[parts.count - 1].isEnded = true
            }
        }
    }

    var texts: [String] { parts.map { text($0.content) } }
}

private func part(_ name: String, _ content: String) -> String {
    "--b\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(content)\r\n"
}

@Test func `a form is taken apart as curl writes it`() {
    let form = Form(
        bytes(
            "--b\r\nContent-Disposition: form-data; name=\"model\"; filename=\"m.onnx\"\r\n"
                + "Content-Type: application/octet-stream\r\n\r\n\u{0}\r\n--\u{FF}\r\n" + part("method", "ridge")
                + "--b--\r\n"))
    #expect(form.error == nil)
    #expect(
        form.parts.map(\.part) == [
            FormPart(name: "model", fileName: "m.onnx", contentType: "application/octet-stream"),
            FormPart(name: "method"),
        ])
    #expect(form.parts.map(\.content) == [bytes("\u{0}\r\n--\u{FF}"), bytes("ridge")])
    #expect(!form.parts.contains { !$0.isEnded })
}

@Test(arguments: [
    "", "x", "\r", "\r\n", "\r\n-", "\r\n--", "\r\n--c", "\r\n--B", "--b", "--b--", "\n--b", "\r--b", "\r\r\n--",
    "\r\n\r\n",
    "\r\n--\r\n--\r\n-", "a\r\nb\r\n--a--b\r\n--",
])
func `content that looks like a boundary stays content, in whatever pieces it comes`(content: String) {
    let input = bytes("ignored\r\n" + part("x", content) + part("y", "z") + "--b--\r\nignored too \r\n--b\r\n")
    for pieces in 1...input.count {
        let form = Form(input, pieces: pieces)
        #expect(form.error == nil)
        #expect(form.texts == [content, "z"], "in pieces of \(pieces)")
    }
}

@Test func `no beginning of a form is taken for all of it`() {
    let input = bytes(part("x", "y") + "--b--")
    for length in 0..<input.count { #expect(Form(Array(input[..<length])).error == .truncated) }
    #expect(Form(input).error == nil)
}

@Test(arguments: [
    ("--b\r\n\r\nx\r\n--b--", MultipartError.name), ("--bx\r\n", .delimiter), ("--b-\r\n", .delimiter),
    ("--b -", .delimiter),
    ("--b\rx", .delimiter), ("--b\nContent", .delimiter),
    ("--b\r\nContent-Disposition: form-data\r\n\r\n", .name),
    ("--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n", .name),
    ("--b\r\nContent-Disposition: attachment; name=\"x\"\r\n\r\n", .name),
    ("--b\r\nContent-Disposition : form-data; name=\"x\"\r\n\r\n", .header),
    ("--b\r\nnothing\r\n\r\n", .header), ("--b\r\nX: y\nZ: w\r\n\r\n", .header),
    ("--b\r\nContent-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=y\r\n\r\n", .header),
    ("--b\r\nContent-Disposition: form-data; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n", .encoding),
    ("--b--", .truncated), ("", .truncated),
])
func `a form that is none is refused`(input: String, error: MultipartError) {
    let form = Form(bytes(input))
    if input == "--b--" { #expect(form.error == nil) } else { #expect(form.error == error) }
    for pieces in 1...max(input.utf8.count, 1) { #expect(Form(bytes(input), pieces: pieces) == form) }
}

@Test(arguments: [
    ("multipart/form-data; boundary=abc", true), ("multipart/form-data; boundary=\"a b\"", true),
    ("multipart/form-data;charset=utf-8;BOUNDARY=abc", true), ("multipart/form-data", false),
    ("multipart/form-data; boundary=", false), ("multipart/form-data; boundary=\"\"", false),
    ("multipart/form-data; boundary=\"a \"", false), ("multipart/form-data; boundary=\"a\u{7}b\"", false),
    ("multipart/form-data; boundary=a@b", false),
    ("multipart/form-data; boundary=" + String(repeating: "a", count: 70), true),
    ("multipart/form-data; boundary=" + String(repeating: "a", count: 71), false),
])
func `a boundary has 1 to 70 plain characters`(contentType: String, isValid: Bool) {
    #expect(((try? MultipartReader(contentType: contentType, limits: Limits())) != nil) == isValid)
}

@Test(arguments: [
    (#"form-data; name="a\"b""#, #"a"b"#), (#"form-data; name="a\\b""#, #"a\b"#),
    (#"form-data; name="C:\dir\f""#, #"C:\dir\f"#),
    (#"form-data; name=a"#, "a"), (#"form-data; name="ä""#, "ä"), (#"form-data; name="a;b""#, "a;b"),
    (#"form-data; name="a"#, "a"),
    (#"form-data; x; name="a"; name="b""#, "a"), (#"form-data;NAME=a ; y"#, "a"),
    (#"form-data; xname="b"; name="a""#, "a"),
])
func `a name is read as browsers and curl write it`(disposition: String, name: String) {
    #expect(FormPart.parameters(of: disposition)["name"] == name)
}
