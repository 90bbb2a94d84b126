import HTTPTypes

/// An incremental parser for the head of a request (RFC 9112 §2 to §5).
///
/// It keeps the lines it has parsed, so that each byte is scanned once however the head arrives, and refuses a line as
/// soon as it is complete.
package struct HeadParser: Sendable {
    private let limits: Limits
    /// The number of bytes already searched for line ends.
    private var scanned = 0
    private var lineStart = 0
    private var emptyLines = 0
    private var line: RequestLine?
    private var headers = HTTPFields()
    private var fieldBytes = 0

    package init(limits: Limits) { self.limits = limits }

    /// Parses the lines completed since the last call.
    ///
    /// - Parameter bytes: all bytes since the head began, including those of earlier calls
    /// - Returns: the head, once its empty line has arrived
    /// - Throws: ``RequestError`` as soon as no further bytes could make the head valid
    package mutating func parse(_ bytes: Span<UInt8>) throws(RequestError) -> Progress<RequestHead> {
        while let end = bytes.firstIndex(of: .lineFeed, from: scanned) {
            guard end > lineStart, bytes[end - 1] == .carriageReturn else { throw .lineEnd }
            let content = bytes.extracting(lineStart..<end - 1)
            guard content.firstIndex(of: .carriageReturn, from: 0) == nil else { throw .lineEnd }
            (scanned, lineStart) = (end + 1, end + 1)
            if let head = try take(content) { return .complete(head, consumed: lineStart) }
        }
        scanned = bytes.count
        try checkUnfinished(bytes.extracting(lineStart..<bytes.count))
        return .incomplete
    }

    /// Parses a complete line and returns the head when it is the last one.
    private mutating func take(_ content: Span<UInt8>) throws(RequestError) -> RequestHead? {
        guard let line else {
            if content.count > 0 {
                self.line = try RequestLine(content, limits: limits)
            } else {
                emptyLines += 1
                guard emptyLines <= limits.emptyLines else { throw .requestLine }
            }
            return nil
        }
        guard content.count > 0 else { return try RequestHead(line, headers) }
        if content[0].isBlank { throw .foldedField }
        fieldBytes += content.count + 2
        guard fieldBytes <= limits.fieldBytes else { throw .fieldsTooLarge(limitBytes: limits.fieldBytes) }
        guard headers.count < limits.fields else { throw .tooManyFields(limit: limits.fields) }
        headers.append(try FieldLine.parse(content))
        return nil
    }

    /// Refuses an incomplete line that no further bytes could make valid.
    private func checkUnfinished(_ content: Span<UInt8>) throws(RequestError) {
        guard content.count > 0 else { return }
        if line != nil {
            guard fieldBytes + content.count <= limits.fieldBytes + 1 else {
                throw .fieldsTooLarge(limitBytes: limits.fieldBytes)
            }
            return
        }
        // Another protocol sent by mistake, such as TLS, may never send a line end.
        guard content[0].isToken || content[0] == .carriageReturn else { throw .requestLine }
        guard content.count > limits.targetBytes + Self.roomAroundTarget else { return }
        guard content.firstIndex(of: .space, from: 0) != nil else { throw .requestLine }
        throw .targetTooLong(limitBytes: limits.targetBytes)
    }

    /// Bytes for the longest method, the version, their spaces, and CR LF.
    private static let roomAroundTarget = 20
}
