import Model
import Options

/// Searches the front: for several sizes of the network the choice of replacements that costs the least, by a table of
/// what each costs alone. Each point is fitted and measured as a whole, because the table's sums only order plans.
struct FrontSearch {
    let original: Graph
    let samples: Samples
    let heldOut: HeldOut
    let options: JobOptions
    let budget: Budget
    let limit: SizeLimit
    let timer: RunTimer
    let keeper: CheckpointKeeper
    /// True when the search is to end with what it has.
    let isFinishing: () -> Bool
    let emit: (CollapseEvent) -> Void

    /// The most sizes, from the original to the smallest network.
    private static let mostSizes = 11
    /// The number of sizes of a network whose points take long.
    private static let fewSizes = 8
    /// The multiply-adds of the forward passes of a point above which there are few sizes.
    private static let shortMacs = 2e11
    /// The most multiply-adds of a run whose time is measured though nothing limits it.
    private static let quickMacs = 1_000_000_000
    /// The number of points that are added between the last point within the budget and the next one.
    static let refinements = 3
    /// The same for a network whose points take long.
    private static let fewRefinements = 2
    /// The most points of a front.
    static var mostPoints: Int { mostSizes + 2 * refinements }

    /// The number of sizes of the front of this network.
    private var sizeCount: Int { takesLong ? Self.fewSizes : Self.mostSizes }

    /// True for a network whose points take long.
    var takesLong: Bool {
        Double(original.macs) * Double(samples.calibration.count + heldOut.samples.count) > Self.shortMacs
    }

    /// The share of the way from the original to the smallest network at which the size of an index lies. Few sizes lie
    /// closer where little is lost.
    private func share(_ index: Int) -> Double {
        let part = Double(index + 1) / Double(sizeCount)
        return sizeCount == Self.mostSizes ? part : part * part.squareRoot()
    }

    /// Searches the front.
    ///
    /// - Parameters:
    ///   - sites: the sites that may be replaced, in graph order.
    ///   - layers: their outcomes; receive their scores.
    /// - Returns: the points, the largest network first; at least one, if there is any, when the work is to be finished.
    /// - Throws: ``ModelError``.
    func run(_ sites: [Site], _ layers: inout [LayerOutcome]) throws(ModelError) -> [ParetoPoint] {
        emit(.phase(.calibrating))
        var spectra: [BlockID: TableSpectrum] = [:]
        for site in sites {
            guard case .table(let table) = site.kind else { continue }
            spectra[site.id] = try TableSpectrum(table, in: original, on: samples.training)
        }
        let families = options.replacements.isEmpty ? nil : Set(options.replacements)
        let survey = SiteSurvey(
            original: original, samples: samples,
            heldOut: try heldOut.first(SiteSurvey.sampleCount(for: sites, of: original, families: families)),
            spectra: spectra, families: families, keeper: keeper, isFinishing: isFinishing, emit: emit)
        var table = try survey.run(sites)
        for site in sites where table[site.id] == nil && isFinishing() {
            if let place = layers.place(of: site.id) {
                layers[place].reason = "the search was ended before it was tried"
            }
        }
        for entry in table.entries {
            guard let place = layers.place(of: entry.site), let mildest = entry.rows.first else { continue }
            layers[place].alone = entry.rows.map { ($0.choice, $0.damage) }
            (layers[place].r2, layers[place].divergence) = (mildest.r2, mildest.damage)
            layers[place].meanSquareError = mildest.error / Double(max(1, layers[place].out))
        }

        emit(.phase(.search))
        if limit.countsTime { try limit.time(&table, of: sites, batchSize: original.batchSize) }
        let allocation = Allocation(table, total: try limit.cost(original), cost: limit.cost)
        var fit = PlanFit(of: original, samples, heldOut, table, spectra, keeper)
        var points: [(cost: Int, point: ParetoPoint)] = []
        func add(_ most: Int) throws(ModelError) {
            guard let (plan, damage) = allocation.plan(costingAtMost: most) else { return }
            try add(most, plan, damage)
        }
        func add(_ most: Int, _ plan: SitePlan, _ damage: Double?) throws(ModelError) {
            guard !plan.isEmpty, !points.contains(where: { $0.point.plan == plan }) else { return }
            let work = fit.work(of: plan)
            let kept = keeper.find(work)
            guard points.isEmpty || kept != nil || !isFinishing() else { return }
            var point = try fit.point(plan, as: work, keptBefore: kept)
            point.predictedDamage = damage
            if limit.limitsTime || point.graph.macs * point.graph.batchSize <= Self.quickMacs {
                point.nanoseconds = try timer.nanoseconds(of: point.graph)
            }
            // One of two sites that share a layer may take the place of both, whatever is chosen for the other.
            guard !points.contains(where: { $0.point.isAlike(point) }) else { return }
            points.append((most, point))
            points.sort { ($0.point.parameters, $0.cost) > ($1.point.parameters, $1.cost) }
            emit(.point(point))
            emit(.progress(done: sizeCount + points.count, of: 2 * sizeCount + Self.refinements))
        }
        if var target = try limit.target(original) {
            // A file holds more than parameters: what is over goes in a second attempt, at most a few.
            for _ in 0..<Self.refinements {
                try add(target)
                guard let nearest = points.last(where: { $0.cost == target }) else { break }
                guard let excess = try limit.excess(of: nearest.point.graph) else { break }
                target -= max(1, Int((excess - 1) * Double(target)) + 64)
            }
        }
        // The middle size first, then those that halve what is left: a search that is ended early has points all over the
        // range.
        let range = allocation.range
        for index in Self.halving(sizeCount) {
            try add(range.upperBound - Int(share(index) * Double(range.upperBound - range.lowerBound)))
        }
        // Blocks that share a layer are more than the sum of their sites: a whole head becomes one layer.
        let blocks = sites.compactMap(\.block).filter { !$0.isShared }
        for chain in blocks.chains where chain.count > 1 && chain.allSatisfy({ table[$0.id]?.hasCollapse ?? false }) {
            let plan = Dictionary(chain.map { ($0.id, Choice.affine) }) { first, _ in first }
            try add(range.lowerBound, plan, nil)
        }
        if budget.isSet {
            for _ in 0..<(takesLong ? Self.fewRefinements : Self.refinements) {
                let within = points.lastIndex { budget.reasonAgainst($0.point) == nil }
                let upper = within.map { points[$0].cost } ?? range.upperBound
                let next = (within ?? -1) + 1
                guard next < points.count else { break }
                try add((upper + points[next].cost) / 2)
            }
        }
        return points.map(\.point)
    }

    /// The indices below a count, the middle one first, then the middle ones of what is left and right of it, and so on.
    static func halving(_ count: Int) -> [Int] {
        var (order, parts) = ([Int](), [0..<count])
        while !parts.isEmpty {
            parts = parts.filter { !$0.isEmpty }
            let middles = parts.map { ($0.lowerBound + $0.upperBound) / 2 }
            order += middles
            parts = zip(parts, middles).flatMap { [$0.lowerBound..<$1, ($1 + 1)..<$0.upperBound] }
        }
        return order
    }
}

extension ParetoPoint {
    /// True for a point of the same size that loses the same.
    fileprivate func isAlike(_ other: ParetoPoint) -> Bool {
        parameters == other.parameters && graph.macs == other.graph.macs && damage == other.damage
    }
}
