package import HTTPTypes

/// Serialises responses (RFC 9112 §4 to §7).
package enum ResponseWriter {
    /// The framing by which the client finds the end of the body.
    package enum Framing: Hashable, Sendable {
        /// The response cannot have a body.
        case none
        case length(Int)
        case chunked
        /// The body ends with the connection.
        case close
    }

    package enum WritingError: Error, Hashable, Sendable {
        case status(Int)
        /// A header name or value has characters that are not allowed, such as a line end.
        case field(String)
    }

    package static let `continue` = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    static let lastChunk = Array("0\r\n\r\n".utf8)

    /// The headers that the server sets itself.
    private static let ownNames: Set<String> = [
        "connection", "content-length", "date", "keep-alive", "transfer-encoding",
    ]

    /// The head of a response.
    ///
    /// - Parameters:
    ///   - status: the status, 200 to 599
    ///   - headers: the handler's headers
    ///   - framing: the framing of the body
    ///   - connection: the value of `Connection`; nil for none
    ///   - date: the value of `Date`
    /// - Returns: all bytes before the body
    /// - Throws: ``WritingError`` for an invalid status or header
    package static func head(
        status: Int, headers: HTTPFields, framing: Framing, connection: String?, date: String
    ) throws(WritingError) -> [UInt8] {
        guard (200...599).contains(status) else { throw .status(status) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes += "HTTP/1.1 \(status) \(reasonPhrase(status))\r\n".utf8
        for field in headers where !ownNames.contains(field.name.canonicalName) {
            try append(field.name.rawName, field.value, to: &bytes)
        }
        try append("Date", date, to: &bytes)
        switch framing {
        case .none, .close: break
        case .length(let length): try append("Content-Length", String(length), to: &bytes)
        case .chunked: try append("Transfer-Encoding", "chunked", to: &bytes)
        }
        if let connection { try append("Connection", connection, to: &bytes) }
        bytes += [.carriageReturn, .lineFeed]
        return bytes
    }

    /// Appends a header line, or throws for a name or value that is not allowed.
    package static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) throws(WritingError) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isToken), value.utf8.allSatisfy(\.isFieldText) else {
            throw .field(name)
        }
        bytes += name.utf8
        bytes += ": ".utf8
        bytes += value.utf8
        bytes += [.carriageReturn, .lineFeed]
    }

    static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        var chunk = Array(String(bytes.count, radix: 16).utf8)
        chunk.reserveCapacity(chunk.count + bytes.count + 4)
        chunk += [.carriageReturn, .lineFeed]
        chunk += bytes
        chunk += [.carriageReturn, .lineFeed]
        return chunk
    }
}
