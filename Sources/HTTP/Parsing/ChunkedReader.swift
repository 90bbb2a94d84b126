import ByteText

/// Decodes the chunked transfer coding (RFC 9112 §7.1). Extensions and trailers are bounded and discarded.
struct ChunkedReader: Sendable {
    private enum State {
        /// Within a chunk's size, with the number of digits so far.
        case size(digits: Int)
        case extensions
        case sizeEnd
        case content(left: Int)
        case contentEnd
        case contentEndLineFeed
        case trailer
        case finished
    }

    private let limits: Limits
    private var state = State.size(digits: 0)
    private var size = 0
    private var contentBytes = 0
    private var wireBytes = 0
    private var chunks = 0
    private var extensionBytes = 0
    private var extensionsBytes = 0
    private var lastOfExtension: UInt8 = 0
    private var line: [UInt8] = []
    private var trailerBytes = 0
    private var trailers = 0

    init(limits: Limits) { self.limits = limits }

    var isFinished: Bool { if case .finished = state { true } else { false } }

    /// Reads until the bytes are used up or the body ends.
    ///
    /// - Parameters:
    ///   - bytes: the bytes that follow those of the previous call
    ///   - content: receives the content of the chunks
    /// - Returns: the number of bytes that belong to the body
    /// - Throws: ``RequestError`` for malformed chunks or a passed limit
    mutating func read(_ bytes: Span<UInt8>, into content: inout [UInt8]) throws(RequestError) -> Int {
        var index = 0
        while index < bytes.count {
            switch state {
            case .finished: return index
            case .content(let left):
                let count = min(left, bytes.count - index)
                content.append(contentsOf: bytes.extracting(index..<index + count))
                index += count
                wireBytes &+= count
                state = count == left ? .contentEnd : .content(left: left - count)
            default:
                try take(bytes[index])
                index += 1
                wireBytes &+= 1
            }
        }
        return index
    }

    private mutating func take(_ byte: UInt8) throws(RequestError) {
        switch state {
        case .size(let digits): try takeSize(byte, digits: digits)
        case .extensions: try takeExtension(byte)
        case .sizeEnd:
            guard byte == .lineFeed else { throw .chunk }
            try beginContent()
        case .contentEnd:
            guard byte == .carriageReturn else { throw .chunk }
            state = .contentEndLineFeed
        case .contentEndLineFeed:
            guard byte == .lineFeed else { throw .chunk }
            (size, state) = (0, .size(digits: 0))
        case .trailer: try takeTrailer(byte)
        case .content, .finished: break
        }
    }

    private mutating func takeSize(_ byte: UInt8, digits: Int) throws(RequestError) {
        if let value = byte.hexadecimalDigit {
            let (product, overflow) = size.multipliedReportingOverflow(by: 16)
            let (sum, carry) = product.addingReportingOverflow(Int(value))
            guard digits < 16, !overflow, !carry else { throw .chunk }
            (size, state) = (sum, .size(digits: digits + 1))
            return
        }
        guard digits > 0 else { throw .chunk }
        switch byte {
        case .carriageReturn: state = .sizeEnd
        case UInt8(ascii: ";"):
            (state, extensionBytes, lastOfExtension) = (.extensions, 1, byte)
            try countExtension()
        default: throw .chunk
        }
    }

    private mutating func takeExtension(_ byte: UInt8) throws(RequestError) {
        if byte == .carriageReturn {
            guard lastOfExtension != UInt8(ascii: ";") else { throw .chunk }
            state = .sizeEnd
            return
        }
        guard byte.isFieldText else { throw .chunk }
        if !byte.isBlank { lastOfExtension = byte }
        extensionBytes += 1
        try countExtension()
    }

    private mutating func countExtension() throws(RequestError) {
        extensionsBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytes, extensionsBytes <= limits.chunkExtensionsBytes else {
            throw .chunkOverhead
        }
    }

    private mutating func beginContent() throws(RequestError) {
        guard size > 0 else {
            state = .trailer
            return
        }
        let (total, overflow) = contentBytes.addingReportingOverflow(size)
        guard !overflow, total <= limits.bodyBytes else { throw .bodyTooLarge(limitBytes: limits.bodyBytes) }
        guard wireBytes <= limits.tinyChunksBytes || contentBytes / max(chunks, 1) >= limits.averageChunkBytes else {
            throw .chunkOverhead
        }
        (contentBytes, chunks, state) = (total, chunks + 1, .content(left: size))
    }

    /// Checks a trailer like a header and discards it: after the body, no field may frame, route or authorise.
    private mutating func takeTrailer(_ byte: UInt8) throws(RequestError) {
        trailerBytes += 1
        guard trailerBytes <= limits.fieldBytes else { throw .fieldsTooLarge(limitBytes: limits.fieldBytes) }
        guard byte == .lineFeed else {
            line.append(byte)
            return
        }
        guard line.popLast() == .carriageReturn else { throw .lineEnd }
        guard let first = line.first else {
            state = .finished
            return
        }
        guard !first.isBlank else { throw .foldedField }
        trailers += 1
        guard trailers <= limits.fields else { throw .tooManyFields(limit: limits.fields) }
        _ = try FieldLine.parse(line.span)
        line.removeAll(keepingCapacity: true)
    }
}
