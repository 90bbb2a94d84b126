import Compute
import Model
import Options

/// Fits every replacement of every site alone, in the original network, and measures what it costs.
struct SiteSurvey {
    let original: Graph
    let samples: Samples
    /// Some of the deciding samples.
    let heldOut: HeldOut
    /// The directions of each table.
    let spectra: [BlockID: TableSpectrum]
    let families: Set<String>?
    let keeper: CheckpointKeeper
    let isFinishing: () -> Bool
    let emit: (CollapseEvent) -> Void

    /// The name under which the entries are kept.
    static let work = "survey"

    /// The numbers of samples that damages are measured on: a table only orders plans.
    private static let sampleCounts = 64...500
    /// The multiply-adds of the forward passes of a survey above which some damages are estimated instead.
    private static let measuredMacs = 1e12
    /// The number of choices of a site that are measured even then.
    private static let leastMeasured = 2

    /// The number of samples on which the damages of a network's sites are to be measured: fewer where all choices would
    /// take too long.
    static func sampleCount(for sites: [Site], of network: Graph, families: Set<String>?) -> Int {
        let choices = sites.reduce(0) { $0 + $1.choices(in: network, families: families).count }
        let each = macsOfPass(network) * Double(max(1, choices))
        return min(sampleCounts.upperBound, max(sampleCounts.lowerBound, Int(measuredMacs / each)))
    }

    /// The multiply-adds of a measurement for one sample: on average it runs half of the network.
    private static func macsOfPass(_ network: Graph) -> Double { max(1, Double(network.macs) / 2) }

    /// Surveys sites, until the work is to be finished and there is one.
    ///
    /// - Parameter sites: the sites of the original, in graph order.
    /// - Returns: their table.
    /// - Throws: ``ModelError``.
    func run(_ sites: [Site]) throws(ModelError) -> DamageTable {
        var table = DamageTable()
        let kept = keeper.find(Self.work)?.tensors ?? [:]
        var tensors: [String: Tensor] = [:]
        var passage = PartialForward(original, [samples.calibration, heldOut.samples])
        let choices = sites.map { $0.choices(in: original, families: families) }
        let count = choices.reduce(0) { $0 + $1.count }
        let macs = Self.macsOfPass(original) * Double(heldOut.samples.count) * Double(count)
        let share = min(1, Self.measuredMacs / max(macs, 1))
        for (index, site) in sites.enumerated() {
            emit(.progress(done: index, of: 2 * sites.count))
            guard !choices[index].isEmpty else { continue }
            let known = kept["\(index)"]
            if known == nil, !table.entries.isEmpty, isFinishing() { break }
            // Also before a known site, so that later ones see the same passes to the last bit.
            guard let ahead = try passage.reach(site.id) else { continue }
            let measured = max(Self.leastMeasured, Int(share * Double(choices[index].count)))
            let found =
                if let entry = known.flatMap({ entry(of: site, choices[index], in: $0) }) { entry } else {
                    try entry(ahead, choices[index], measured: measured, passage)
                }
            table.entries.append(found)
            tensors["\(index)"] = try computing { try Tensor(found.encoded, Shape([found.encoded.count])) }
            keeper.offer(Self.work, false) { Checkpoint(step: table.entries.count, tensors: tensors) }
        }
        keeper.offer(Self.work, true) { Checkpoint(step: table.entries.count, tensors: tensors) }
        return table
    }

    /// The entry that an earlier process kept.
    private func entry(of site: Site, _ choices: [Choice], in kept: Tensor) -> DamageTable.Entry? {
        if kept.type == .int64, let entry = DamageTable.Entry(site.id, decoding: kept.int64s),
            entry.rows.map(\.choice) == choices
        {
            return entry
        }
        keeper.reject(Self.work, .data(input: "checkpoint", reason: "'\(site.name)' is not what it was"))
        return nil
    }

    private func entry(
        _ site: Site, _ choices: [Choice], measured: Int, _ passage: PartialForward
    ) throws(ModelError) -> DamageTable.Entry {
        let graph = passage.rest
        var orders: (width: ChannelOrder?, path: ChannelOrder?) = (nil, nil)
        var cuts: [Cut] = []
        if let spectrum = spectra[site.id] {
            for choice in choices {
                guard case .lowRank(let rank) = choice else { continue }
                cuts.append(try Cut(rank: rank, of: spectrum))
            }
        } else {
            let moments = try SiteMoments(
                of: site, in: graph, original: original, channels: choices.contains { $0.channels != nil } ? nil : [],
                withLinearPath: choices.contains(where: \.hasLinearPath))
            let fit = try moments.now(on: passage.samples[0], given: passage.given[0])
            let judges = fit.isScarce ? try moments.now(on: passage.samples[1], given: passage.given[1]) : nil
            orders = try site.orders(for: choices, fit, in: graph)
            var beside = try site.solver(fit, judges, channels: orders.path?.channels ?? [], in: graph)
            var alone = try site.solver(fit, judges, channels: orders.width?.channels ?? [], in: graph)
            for choice in choices {
                cuts.append(
                    choice.hasLinearPath
                        ? try Cut(
                            choice, of: site, in: graph, channels: orders.path.first(choice.channels), solver: &beside)
                        : try Cut(
                            choice, of: site, in: graph, channels: orders.width.first(choice.channels), solver: &alone))
            }
        }
        var rows = zip(choices, cuts).map { choice, cut in
            DamageTable.Row(
                choice: choice, size: site.size(of: choice, in: graph), damage: .infinity, error: cut.error, r2: cut.r2)
        }
        let chosen = spread(measured, over: rows)
        for index in chosen.sorted() {
            var branch = passage
            branch.dropFirstSamples()
            try branch.replace(cuts[index].rewrites(site, in: graph))
            rows[index].damage = try heldOut.measured(branch.rest, on: branch.samples[0]).damage
        }
        rows.interpolate(from: chosen)
        return DamageTable.Entry(site: site.id, before: site.size(in: graph), orders: orders, rows: rows)
    }

    /// Some of the rows, evenly along the order of their errors, the ends among them.
    private func spread(_ count: Int, over rows: [DamageTable.Row]) -> Set<Int> {
        let order = rows.indices.sorted { (rows[$0].error, $0) < (rows[$1].error, $1) }
        guard count < rows.count else { return Set(order) }
        return Set((0..<count).map { order[$0 * (rows.count - 1) / max(1, count - 1)] })
    }
}

extension Site {
    /// The orders of the channels that some choices need.
    fileprivate func orders(
        for choices: [Choice], _ fit: Covariances, in graph: Graph
    ) throws(ModelError) -> (width: ChannelOrder?, path: ChannelOrder?) {
        let narrowing = choices.filter { $0.channels != nil }
        guard !narrowing.isEmpty else { return (nil, nil) }
        let prior = readers(of: Array(0..<widths.hidden), in: graph)
        return try computing {
            (
                narrowing.contains { !$0.hasLinearPath }
                    ? try ChannelOrder(fit, prior: prior, besideLinearPath: false) : nil,
                narrowing.contains(where: \.hasLinearPath)
                    ? try ChannelOrder(fit, prior: prior, besideLinearPath: true) : nil
            )
        }
    }
}

extension ChannelOrder? {
    /// The most needed channels of a number, the most needed first; none without an order.
    fileprivate func first(_ count: Int?) -> [Int] { Array((self?.channels ?? []).prefix(count ?? 0)) }
}
