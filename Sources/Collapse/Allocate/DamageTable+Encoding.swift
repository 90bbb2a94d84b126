extension DamageTable.Entry {
    /// All that the entry holds but its site, as integers; floating-point numbers by their bits.
    var encoded: [Int64] {
        var numbers = before.encoded
        for order in [orders.width, orders.path] {
            numbers.append(Int64(order?.channels.count ?? -1))
            numbers += (order?.channels ?? []).map(Int64.init)
        }
        numbers.append(Int64(rows.count))
        for row in rows {
            numbers += row.choice.encoded + row.size.encoded + [row.damage, row.error, row.r2].map(\.bits)
        }
        return numbers
    }

    /// Decodes an entry; nil unless ``encoded`` made the numbers.
    init?(_ site: BlockID, decoding numbers: [Int64]) {
        var numbers = NumberReader(numbers)
        guard let before = Size(&numbers) else { return nil }
        var orders: [ChannelOrder?] = []
        for _ in 0..<2 {
            guard let count = numbers.integer() else { return nil }
            guard count >= 0 else {
                orders.append(nil)
                continue
            }
            guard let channels = numbers.integers(count) else { return nil }
            orders.append(ChannelOrder(channels: channels))
        }
        guard let count = numbers.integer() else { return nil }
        var rows: [DamageTable.Row] = []
        while rows.count < count {
            guard let choice = Choice(&numbers), let size = Size(&numbers), let damage = numbers.double(),
                let error = numbers.double(), let r2 = numbers.double()
            else { return nil }
            rows.append(.init(choice: choice, size: size, damage: damage, error: error, r2: r2))
        }
        guard numbers.isAtEnd else { return nil }
        self.init(site: site, before: before, orders: (orders[0], orders[1]), rows: rows)
    }
}

extension Choice {
    /// Three integers: the kind and its numbers.
    var encoded: [Int64] {
        switch self {
        case .width(let channels): [0, Int64(channels), 0]
        case .path(let rank, let channels): [1, Int64(rank), Int64(channels)]
        case .partial(let channels): [2, Int64(channels), 0]
        case .affine: [3, 0, 0]
        case .lowRank(let rank): [4, Int64(rank), 0]
        }
    }

    fileprivate init?(_ numbers: inout NumberReader) {
        guard let code = numbers.integers(3) else { return nil }
        switch code[0] {
        case 0: self = .width(code[1])
        case 1: self = .path(rank: code[1], channels: code[2])
        case 2: self = .partial(channels: code[1])
        case 3: self = .affine
        case 4: self = .lowRank(code[1])
        default: return nil
        }
    }
}

extension Size {
    fileprivate var encoded: [Int64] { [Int64(parameters), Int64(macs)] }

    fileprivate init?(_ numbers: inout NumberReader) {
        guard let both = numbers.integers(2) else { return nil }
        self.init(parameters: both[0], macs: both[1])
    }
}

extension Double {
    /// The bits, as a number that tensors can hold.
    var bits: Int64 { Int64(bitPattern: bitPattern) }
    init(bits: Int64) { self.init(bitPattern: UInt64(bitPattern: bits)) }
}

/// A reader of numbers from first to last.
private struct NumberReader {
    private var rest: ArraySlice<Int64>

    init(_ numbers: [Int64]) { rest = numbers[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func integers(_ count: Int) -> [Int]? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).map(Int.init)
    }

    mutating func integer() -> Int? { rest.popFirst().map(Int.init) }
    mutating func double() -> Double? { rest.popFirst().map(Double.init(bits:)) }
}
