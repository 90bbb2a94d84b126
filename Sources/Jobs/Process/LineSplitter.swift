/// Splits a stream of bytes into lines with bounded memory.
struct LineSplitter {
    enum Line: Equatable {
        case complete([UInt8])
        /// A line longer than the limit, whose bytes are dropped.
        case tooLong
    }

    let limit: Int
    private var pending: [UInt8] = []
    private var overflowed = false

    init(limit: Int) { self.limit = limit }

    /// The lines that these bytes complete, without their line ends (`\n` or `\r\n`) and without empty lines.
    mutating func append(_ bytes: some Sequence<UInt8>) -> [Line] {
        var lines: [Line] = []
        for byte in bytes {
            if byte == 0x0A {
                if let line = end() { lines.append(line) }
            } else if pending.count < limit {
                if !overflowed { pending.append(byte) }
            } else {
                overflowed = true
                pending.removeAll()
            }
        }
        return lines
    }

    /// The last line of a stream that did not end with a line end.
    mutating func end() -> Line? {
        defer {
            pending.removeAll(keepingCapacity: true)
            overflowed = false
        }
        if overflowed { return .tooLong }
        if pending.last == 0x0D { pending.removeLast() }
        return pending.isEmpty ? nil : .complete(pending)
    }
}
