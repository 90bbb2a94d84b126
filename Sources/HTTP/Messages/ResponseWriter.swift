package import HTTPTypes

/// Turns what was answered into bytes (RFC 9112 §4 to §7).
package enum ResponseWriter {
    /// How the client finds the end of the body.
    package enum Framing: Hashable, Sendable {
        /// There cannot be one.
        case none
        case length(Int)
        case chunked
        /// It ends with the connection.
        case close
    }

    package enum WritingError: Error, Hashable, Sendable {
        case status(Int)
        /// A name or a value that would begin another line.
        case field(String)
    }

    package static let `continue` = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    static let lastChunk = Array("0\r\n\r\n".utf8)

    /// Those that the server itself writes.
    private static let ownNames: Set<String> = [
        "connection", "content-length", "date", "keep-alive", "transfer-encoding",
    ]

    /// The head of an answer.
    ///
    /// - Parameters:
    ///   - status: three digits
    ///   - headers: what the handler says
    ///   - framing: how the body ends
    ///   - connection: the value of `Connection`, if there is something to say
    ///   - date: the value of `Date`
    /// - Returns: everything before the body
    /// - Throws: ``WritingError``
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

    /// Adds a line, unless it would be two.
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
