/// The output of a connection that has not been sent yet, in order.
struct OutputQueue: Sendable {
    enum Piece: Sendable {
        case bytes([UInt8], sent: Int)
        case file(OpenFile, Range<Int>)

        var count: Int {
            switch self {
            case .bytes(let bytes, let sent): bytes.count - sent
            case .file(_, let range): range.count
            }
        }
    }

    private var pieces: [Piece] = []
    /// The number of bytes in all pieces.
    private(set) var count = 0

    var first: Piece? { pieces.first }
    var hasMore: Bool { pieces.count > 1 }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        pieces.append(.bytes(bytes, sent: 0))
        count += bytes.count
    }

    mutating func append(_ file: OpenFile, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        pieces.append(.file(file, range))
        count += range.count
    }

    /// Removes `sent` bytes of the first piece.
    mutating func remove(_ sent: Int) {
        guard let first = pieces.first else { return }
        precondition(sent <= first.count, "more has left than there was")
        count -= sent
        if sent == first.count {
            pieces.removeFirst()
            return
        }
        switch first {
        case .bytes(let bytes, let before): pieces[0] = .bytes(bytes, sent: before + sent)
        case .file(let file, let range): pieces[0] = .file(file, range.lowerBound + sent..<range.upperBound)
        }
    }

    mutating func removeAll() {
        pieces = []
        count = 0
    }
}
