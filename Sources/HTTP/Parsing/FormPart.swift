import ByteText
import HTTPTypes

/// The headers of one part of a form (RFC 7578 §4).
package struct FormPart: Hashable, Sendable {
    package var name: String
    /// The client's name for the file; nil for a plain field.
    package var fileName: String?
    package var contentType: String?

    package init(name: String, fileName: String? = nil, contentType: String? = nil) {
        (self.name, self.fileName, self.contentType) = (name, fileName, contentType)
    }

    /// - Parameters:
    ///   - headers: the header lines with the empty line that ends them
    ///   - limits: the limit on the names
    /// - Throws: ``MultipartError`` for malformed headers or a name that is missing or too long
    init(headers: [UInt8], limits: Limits) throws(MultipartError) {
        var disposition: String?
        var (start, rest) = (0, headers[...])
        while let end = rest.firstIndex(of: .lineFeed) {
            guard end > start, headers[end - 1] == .carriageReturn else { throw .header }
            let line = Array(headers[start..<end - 1])
            (start, rest) = (end + 1, headers[(end + 1)...])
            if line.isEmpty { continue }
            guard let field = try? FieldLine.parse(line.span) else { throw .header }
            switch field.name.canonicalName {
            case "content-disposition":
                guard disposition == nil else { throw .header }
                disposition = field.value
            case "content-type": contentType = field.value
            case "content-transfer-encoding":
                guard ["7bit", "8bit", "binary"].contains(field.value.asciiLowercased) else { throw .encoding }
            default: break
            }
        }
        guard let disposition, disposition.bytes(before: UInt8(ascii: ";")).trimmedBlanks.asciiLowercased == "form-data"
        else { throw .name }
        let parameters = Self.parameters(of: disposition)
        guard let name = parameters["name"], !name.isEmpty else { throw .name }
        self.name = name
        fileName = parameters["filename"]
        guard name.utf8.count <= limits.partNameBytes, (fileName ?? "").utf8.count <= limits.partNameBytes else {
            throw .nameTooLong(limitBytes: limits.partNameBytes)
        }
    }

    /// The parameters of a header value by lower-case name; the first of several with one name counts.
    ///
    /// Browsers write a quotation mark inside quotes as `%22`, curl as `\"` or `%22`. A backslash before any other
    /// character is kept: old browsers send paths.
    static func parameters(of value: String) -> [String: String] {
        var parameters: [String: String] = [:]
        let bytes = Array(value.utf8)
        var index = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
        while index < bytes.count {
            index += 1
            while index < bytes.count, bytes[index].isBlank { index += 1 }
            let start = index
            while index < bytes.count, bytes[index].isToken { index += 1 }
            let name = String(decoding: bytes[start..<index], as: UTF8.self).asciiLowercased
            var text: [UInt8] = []
            if index < bytes.count, bytes[index] == UInt8(ascii: "="), !name.isEmpty {
                index += 1
                if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                    index = readQuoted(bytes, from: index + 1, into: &text)
                } else {
                    while index < bytes.count, bytes[index] != UInt8(ascii: ";") {
                        text.append(bytes[index])
                        index += 1
                    }
                    while let last = text.last, last.isBlank { text.removeLast() }
                }
                if parameters[name] == nil { parameters[name] = String(decoding: text, as: UTF8.self) }
            }
            while index < bytes.count, bytes[index] != UInt8(ascii: ";") { index += 1 }
        }
        return parameters
    }

    /// Reads a quoted string without its escapes.
    ///
    /// - Returns: the index after the closing quotation mark
    private static func readQuoted(_ bytes: [UInt8], from start: Int, into text: inout [UInt8]) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            let isEscape =
                bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count
                && (bytes[index + 1] == UInt8(ascii: "\"") || bytes[index + 1] == UInt8(ascii: "\\"))
            if isEscape { index += 1 }
            text.append(bytes[index])
            index += 1
        }
        return index + 1
    }
}
