/// Cuts a stream of bytes into lines, with bounded memory however long a line is.
struct LineSplitter {
    enum Line: Equatable {
        case complete([UInt8])
        /// Longer than the limit; its bytes are gone.
        case tooLong
    }

    let limit: Int
    private var pending: [UInt8] = []
    private var overflowed = false

    init(limit: Int) { self.limit = limit }

    /// The lines that these bytes complete, without their ends (`\n` or `\r\n`); empty lines are left out.
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

    /// What the stream ended with when no line end came last.
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
