/// A body of type `multipart/form-data`, as curl writes it.
struct ServerForm {
    private static let boundary = "------------------------d74496d66958873e"

    private var content = ""

    static let contentType = "multipart/form-data; boundary=\(boundary)"

    /// `-F name=text`
    func field(_ name: String, _ text: String) -> ServerForm { adding("name=\"\(name)\"", text) }

    /// `-F name=@file`
    func file(_ name: String, _ fileName: String, _ text: String) -> ServerForm {
        adding("name=\"\(name)\"; filename=\"\(fileName)\"", text, type: "Content-Type: application/octet-stream\r\n")
    }

    private func adding(_ disposition: String, _ text: String, type: String = "") -> ServerForm {
        var form = self
        form.content += "--\(Self.boundary)\r\nContent-Disposition: form-data; \(disposition)\r\n\(type)\r\n\(text)\r\n"
        return form
    }

    var bytes: [UInt8] { Array("\(content)--\(Self.boundary)--\r\n".utf8) }
}
