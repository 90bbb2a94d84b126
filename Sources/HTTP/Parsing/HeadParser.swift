import HTTPTypes

/// Reads the head of a request (RFC 9112 §2 to §5) from the bytes that came so far.
///
/// It remembers which lines it has read, so that a head that comes byte by byte is looked at once, and refuses a line as soon
/// as it is there.
package struct HeadParser: Sendable {
    private let limits: Limits
    /// Everything before is known to hold no end of a line that was not read.
    private var scanned = 0
    private var lineStart = 0
    private var emptyLines = 0
    private var line: RequestLine?
    private var headers = HTTPFields()
    private var fieldBytes = 0

    package init(limits: Limits) { self.limits = limits }

    /// Reads on.
    ///
    /// - Parameter bytes: everything since the head began: what it was given before, and more.
    /// - Returns: the head, once its empty line is there
    /// - Throws: ``RequestError`` once no more bytes could make a request of these.
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

    /// Takes a whole line, and answers with the head when it was the last one.
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

    /// Refuses a line that cannot end well any more.
    private func checkUnfinished(_ content: Span<UInt8>) throws(RequestError) {
        guard content.count > 0 else { return }
        if line != nil {
            guard fieldBytes + content.count <= limits.fieldBytes + 1 else {
                throw .fieldsTooLarge(limitBytes: limits.fieldBytes)
            }
            return
        }
        // Another protocol that was sent here by mistake, such as TLS, has no lines that could be waited for.
        guard content[0].isToken || content[0] == .carriageReturn else { throw .requestLine }
        guard content.count > limits.targetBytes + Self.roomAroundTarget else { return }
        guard content.firstIndex(of: .space, from: 0) != nil else { throw .requestLine }
        throw .targetTooLong(limitBytes: limits.targetBytes)
    }

    /// The longest method with its space, the version with its own, and CR LF.
    private static let roomAroundTarget = 20
}
