/// Splits a form into its parts while it arrives (RFC 7578, RFC 2046 §5.1). Content is not stored: events give its
/// range in the bytes that were passed.
package struct MultipartReader: Sendable {
    package enum Event: Hashable, Sendable {
        case begin(FormPart)
        /// The range of content in the bytes that were passed.
        case content(Range<Int>)
        /// Content from the end of earlier bytes, held back because it could have begun a boundary.
        case held([UInt8])
        case end
    }

    private enum State: Sendable {
        case preamble
        case content
        /// After a boundary, before `--` (the last boundary) or the line end.
        case afterBoundary(hyphens: Int, sawBlank: Bool)
        case boundaryLineFeed
        case headers
        case epilogue
    }

    /// CR LF, two hyphens and the boundary. CR occurs only at its start, so a partial match cannot hide another match.
    private let delimiter: [UInt8]
    private let limits: Limits
    private var state = State.preamble
    /// The number of delimiter bytes matched at the current position.
    private var matched: Int
    /// The part of `matched` that was in the bytes of earlier calls.
    private var matchedBefore = 0
    private var preambleBytes = 0
    private var parts = 0
    private var headers: [UInt8] = []
    private var isOpen = false
    private var pending: [Event] = []

    /// - Parameters:
    ///   - contentType: the request's Content-Type with its parameters
    ///   - limits: the limits on parts, their headers and their names
    /// - Throws: ``MultipartError/boundary`` when there is no valid boundary
    package init(contentType: String, limits: Limits) throws(MultipartError) {
        guard let boundary = FormPart.parameters(of: contentType)["boundary"], Self.isBoundary(boundary) else {
            throw .boundary
        }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.limits = limits
        // The first boundary may begin the body, without a line end before it.
        (matched, matchedBefore) = (2, 2)
    }

    /// Returns whether the text is 1 to 70 `bchars` and does not end with a space.
    private static func isBoundary(_ text: String) -> Bool {
        let others = Array("'()+_,-./:=? ".utf8)
        return (1...70).contains(text.utf8.count) && text.utf8.last != .space
            && text.utf8.allSatisfy { $0.isLetter || $0.isDigit || others.contains($0) }
    }

    /// True when the last boundary has been read.
    package var isFinished: Bool { if case .epilogue = state { true } else { false } }

    /// Reads up to the next event.
    ///
    /// - Parameters:
    ///   - bytes: the bytes that follow those already read
    ///   - position: the index of the first unread byte; advanced by the call
    /// - Returns: the event; nil when all bytes have been read
    /// - Throws: ``MultipartError`` for a malformed form or a passed limit
    package mutating func next(_ bytes: Span<UInt8>, at position: inout Int) throws(MultipartError) -> Event? {
        while true {
            if !pending.isEmpty { return pending.removeFirst() }
            guard position < bytes.count else {
                // The matched bytes are not in the bytes of the next call.
                matchedBefore = matched
                return nil
            }
            switch state {
            case .preamble, .content:
                if let event = try search(bytes, at: &position) { return event }
            case .afterBoundary(let hyphens, let sawBlank):
                let byte = bytes[position]
                position += 1
                try takeAfterBoundary(byte, hyphens: hyphens, sawBlank: sawBlank)
            case .boundaryLineFeed:
                guard bytes[position] == .lineFeed else { throw .delimiter }
                position += 1
                parts += 1
                guard parts <= limits.parts else { throw .tooManyParts(limit: limits.parts) }
                headers.removeAll(keepingCapacity: true)
                state = .headers
            case .headers:
                headers.append(bytes[position])
                position += 1
                guard headers.count <= limits.partHeaderBytes else {
                    throw .headersTooLarge(limitBytes: limits.partHeaderBytes)
                }
                guard headers.last == .lineFeed, isEndOfHeaders else { continue }
                (state, isOpen, matched, matchedBefore) = (.content, true, 0, 0)
                return .begin(try FormPart(headers: headers, limits: limits))
            case .epilogue: position = bytes.count
            }
        }
    }

    /// Checks that the form is complete; to be called at the end of the body.
    ///
    /// - Throws: ``MultipartError/truncated`` when the last boundary is missing
    package func finish() throws(MultipartError) { guard isFinished else { throw .truncated } }

    private var isEndOfHeaders: Bool {
        headers.count == 2 && headers[0] == .carriageReturn || headers.suffix(4).elementsEqual("\r\n\r\n".utf8)
    }

    /// Searches for the delimiter and returns the event for the content before it.
    private mutating func search(_ bytes: Span<UInt8>, at position: inout Int) throws(MultipartError) -> Event? {
        let start = position
        while position < bytes.count {
            if matched == 0 {
                guard let place = bytes.firstIndex(of: .carriageReturn, from: position) else {
                    position = bytes.count
                    break
                }
                (position, matched, matchedBefore) = (place + 1, 1, 0)
                continue
            }
            if bytes[position] == delimiter[matched] {
                position += 1
                matched += 1
                if matched == delimiter.count { return try foundDelimiter(start: start, end: position) }
                continue
            }
            // Not a boundary: the partial match is content.
            let held = matchedBefore
            (matched, matchedBefore) = (0, 0)
            if held > 0, isOpen {
                position = start
                return .held(Array(delimiter[..<held]))
            }
        }
        return try content(start..<position - (matched - matchedBefore))
    }

    private mutating func foundDelimiter(start: Int, end: Int) throws(MultipartError) -> Event? {
        let last = end - (matched - matchedBefore)
        (matched, matchedBefore) = (0, 0)
        state = .afterBoundary(hyphens: 0, sawBlank: false)
        let wasOpen = isOpen
        isOpen = false
        guard wasOpen else {
            if start < last { try countPreamble(last - start) }
            return nil
        }
        guard start < last else { return .end }
        pending = [.end]
        return .content(start..<last)
    }

    private mutating func content(_ range: Range<Int>) throws(MultipartError) -> Event? {
        guard !range.isEmpty else { return nil }
        if isOpen { return .content(range) }
        try countPreamble(range.count)
        return nil
    }

    private mutating func countPreamble(_ count: Int) throws(MultipartError) {
        preambleBytes += count
        guard preambleBytes <= limits.preambleBytes else { throw .preamble(limitBytes: limits.preambleBytes) }
    }

    private mutating func takeAfterBoundary(_ byte: UInt8, hyphens: Int, sawBlank: Bool) throws(MultipartError) {
        switch byte {
        case UInt8(ascii: "-") where !sawBlank:
            state = hyphens == 1 ? .epilogue : .afterBoundary(hyphens: 1, sawBlank: false)
        case .space, .tab:
            guard hyphens == 0 else { throw .delimiter }
            state = .afterBoundary(hyphens: 0, sawBlank: true)
        case .carriageReturn:
            guard hyphens == 0 else { throw .delimiter }
            state = .boundaryLineFeed
        default: throw .delimiter
        }
    }
}
