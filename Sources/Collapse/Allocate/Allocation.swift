/// A choice for each site that is replaced.
package typealias SitePlan = [BlockID: Choice]

/// The least damage for every size of a network: a knapsack with one choice for each site, solved by dynamic programming
/// over quantized sizes.
///
/// The damages of the sites add up only nearly, so the result orders plans and decides nothing.
struct Allocation {
    private let table: DamageTable
    private let cost: (Size) -> Int
    /// The cost of the network without its sites.
    private let rest: Int
    private let unit: Int
    /// For each site and each quantized cost of it and the sites before it, the chosen row, or -1 to leave it.
    private var chosen: [[Int16]]
    /// The least damage of all sites for each quantized cost at most.
    private var least: [Double]

    /// The number of steps into which the cost of all sites is divided.
    private static let steps = 4000

    /// Solves the knapsack.
    ///
    /// - Parameters:
    ///   - table: the sites.
    ///   - total: the cost of the whole network.
    ///   - cost: the cost of a site or a replacement.
    init(_ table: DamageTable, total: Int, cost: @escaping (Size) -> Int) {
        (self.table, self.cost) = (table, cost)
        let before = table.entries.map { cost($0.before) }
        rest = total - before.reduce(0, +)
        let unit = max(1, before.reduce(0, +) / Self.steps)
        self.unit = unit
        func quantized(_ cost: Int) -> Int { Self.quantized(cost, unit) }
        let width = before.reduce(0) { $0 + quantized($1) } + 1
        least = [Double](repeating: 0, count: width)
        chosen = []
        for (entry, whole) in zip(table.entries, before) {
            var next = [Double](repeating: .infinity, count: width)
            var picks = [Int16](repeating: -1, count: width)
            var options = [(quantized(whole), 0.0, Int16(-1))]
            for (index, row) in entry.rows.enumerated() where row.damage.isFinite {
                options.append((quantized(cost(row.size)), max(0, row.damage), Int16(index)))
            }
            for (price, damage, pick) in options where price < width {
                for total in price..<width where least[total - price] + damage < next[total] {
                    (next[total], picks[total]) = (least[total - price] + damage, pick)
                }
            }
            least = next
            chosen.append(picks)
        }
    }

    /// The number of steps of a cost, rounded up so that no plan exceeds its limit.
    private static func quantized(_ cost: Int, _ unit: Int) -> Int { (max(0, cost) + unit - 1) / unit }

    /// The cost of the largest and of the smallest network.
    var range: ClosedRange<Int> {
        let smallest = table.entries.reduce(rest) { sum, entry in
            sum + min(cost(entry.before), entry.rows.map { cost($0.size) }.min() ?? .max)
        }
        return smallest...(rest + table.entries.reduce(0) { $0 + cost($1.before) })
    }

    /// The plan of the least damage whose network costs at most `limit`, and that damage; nil when none does.
    func plan(costingAtMost limit: Int) -> (plan: SitePlan, damage: Double)? {
        var left = (limit - rest) / unit
        guard limit >= rest, left >= 0 else { return nil }
        left = min(left, least.count - 1)
        guard least[left].isFinite else { return smallestPlan(costingAtMost: limit) }
        let damage = least[left]
        var plan: SitePlan = [:]
        for (index, entry) in table.entries.enumerated().reversed() {
            let pick = Int(chosen[index][left])
            let row = pick >= 0 ? entry.rows[pick] : nil
            plan[entry.site] = row?.choice
            left -= Self.quantized(cost(row?.size ?? entry.before), unit)
        }
        return (plan, damage)
    }

    /// The smallest network of all, if rounding alone keeps it from fitting.
    private func smallestPlan(costingAtMost limit: Int) -> (plan: SitePlan, damage: Double)? {
        guard range.lowerBound <= limit else { return nil }
        var (plan, damage) = (SitePlan(), 0.0)
        for entry in table.entries {
            guard let row = entry.rows.min(by: { (cost($0.size), $0.damage) < (cost($1.size), $1.damage) }),
                cost(row.size) < cost(entry.before)
            else { continue }
            plan[entry.site] = row.choice
            damage += row.damage
        }
        return (plan, damage)
    }
}
