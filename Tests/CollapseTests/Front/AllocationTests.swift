import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct AllocationTests {
    private static func table() -> DamageTable {
        var random = SeededRandom(seed: 4)
        var table = DamageTable()
        for site in 0..<4 {
            let before = 100 + 10 * site
            let rows = (1...5).map { step in
                DamageTable.Row(
                    choice: .width(before / 8 * (6 - step)), size: Size(parameters: before * (6 - step) / 7, macs: 0),
                    damage: Double(step * step) * Double.random(in: 0.5...2, using: &random), error: Double(step), r2: 0
                )
            }
            table.entries.append(
                .init(
                    site: BlockID("\(site)"), before: Size(parameters: before, macs: 0), orders: (nil, nil), rows: rows)
            )
        }
        return table
    }

    @Test func `the plan of each size does the least damage of all plans`() throws {
        let table = Self.table()
        let allocation = Allocation(table, total: 1000) { $0.parameters }
        let rest = 1000 - table.entries.reduce(0) { $0 + $1.before.parameters }
        #expect(allocation.range.upperBound == 1000)
        for limit in stride(from: allocation.range.lowerBound, through: 1000, by: 23) {
            var best = Double.infinity
            func search(_ place: Int, _ cost: Int, _ damage: Double) {
                guard place < table.entries.count else {
                    if cost <= limit { best = min(best, damage) }
                    return
                }
                let entry = table.entries[place]
                search(place + 1, cost + entry.before.parameters, damage)
                for row in entry.rows { search(place + 1, cost + row.size.parameters, damage + row.damage) }
            }
            search(0, rest, 0)
            let found = try #require(allocation.plan(costingAtMost: limit))
            expectClose([found.damage], [best], within: 1e-12)
            let cost = table.entries.reduce(rest) { sum, entry in
                sum + (entry.rows.first { $0.choice == found.plan[entry.site] }?.size ?? entry.before).parameters
            }
            #expect(cost <= limit)
        }
        #expect(allocation.plan(costingAtMost: allocation.range.lowerBound - 1) == nil)
    }

    @Test func `unmeasured damages lie on a line between the measured ones`() {
        var rows = [1.0, 10, 100, 1000, 10_000].map {
            DamageTable.Row(choice: .affine, size: Size(parameters: 0, macs: 0), damage: .infinity, error: $0, r2: 0)
        }
        rows[1].damage = 0.01
        rows[3].damage = 1
        rows.interpolate(from: [1, 3])
        expectClose(rows.map(\.damage), [0.001, 0.01, 0.1, 1, 10], within: 1e-9)
    }
}
