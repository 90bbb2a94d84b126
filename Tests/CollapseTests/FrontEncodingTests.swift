import Compute
import Model
import Testing

@testable import Collapse

@Suite struct FrontEncodingTests {
    private static let choices: [Choice] = [
        .width(7), .path(rank: 2, channels: 3), .partial(channels: 5), .affine, .lowRank(4),
    ]

    private static func entry(width: [Int]?, path: [Int]?) -> DamageTable.Entry {
        let numbers = [0.1 + 0.2, -0.0, .infinity, .nan, .leastNonzeroMagnitude]
        let rows = zip(choices, numbers).map { choice, number in
            DamageTable.Row(
                choice: choice, size: Size(parameters: 11, macs: 1 << 40), damage: number, error: -number,
                r2: 1 / number)
        }
        return DamageTable.Entry(
            site: BlockID("site"), before: Size(parameters: 12, macs: 13),
            orders: (width.map(ChannelOrder.init(channels:)), path.map(ChannelOrder.init(channels:))), rows: rows)
    }

    @Test(arguments: [(nil, nil), ([3, 0, 2], nil), (nil, [1]), ([], [0, 1])] as [([Int]?, [Int]?)])
    func `an entry is decoded to the last bit`(width: [Int]?, path: [Int]?) throws {
        let entry = Self.entry(width: width, path: path)
        let found = try #require(DamageTable.Entry(entry.site, decoding: entry.encoded))
        #expect(found.before == entry.before)
        #expect(found.orders.width?.channels == width && found.orders.path?.channels == path)
        #expect(found.rows.map(\.choice) == Self.choices && found.rows.map(\.size) == entry.rows.map(\.size))
        for (one, other) in zip(found.rows, entry.rows) {
            #expect(one.damage.bitPattern == other.damage.bitPattern)
            #expect(one.error.bitPattern == other.error.bitPattern && one.r2.bitPattern == other.r2.bitPattern)
        }
        #expect(found.encoded == entry.encoded)
    }

    @Test func `no part of an entry, and none with more behind it, is taken for one`() {
        let numbers = Self.entry(width: [2, 0, 1], path: [1, 0]).encoded
        for count in 0..<numbers.count {
            #expect(DamageTable.Entry(BlockID("site"), decoding: Array(numbers.prefix(count))) == nil)
        }
        #expect(DamageTable.Entry(BlockID("site"), decoding: numbers + [0]) == nil)
        for place in numbers.indices {
            var broken = numbers
            broken[place] = .max
            // Whatever it is, it is read without a trap.
            _ = DamageTable.Entry(BlockID("site"), decoding: broken)
        }
    }

    @Test func `the sizes are halved, the middle one first`() {
        #expect(FrontSearch.halving(11) == [5, 2, 8, 1, 4, 7, 10, 0, 3, 6, 9])
        for count in 0...40 { #expect(FrontSearch.halving(count).sorted() == Array(0..<count)) }
    }
}
