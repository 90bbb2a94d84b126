import ByteText
package import Model
package import Options

/// One compression of a network, from its candidates to the chosen point.
package struct Collapser {
    package struct Outcome {
        /// The resulting network; the original when nothing was collapsed.
        package let graph: Graph
        package let layers: [LayerOutcome]
        package let refusals: [Refusal]
        /// The computed points, smallest damage first, before any fine-tuning.
        package let points: [ParetoPoint]
        /// The chosen point, measured on the deciding samples; nil when nothing was collapsed.
        package let chosen: ParetoPoint?
        /// False when no point is within the budget, and the chosen one is that of the smallest damage.
        package var metBudget = true
        /// The limits that would have admitted the chosen point, when it is not within the budget.
        package var admission: [(option: String, value: Double)] = []
        /// The limits of the budget, and what the chosen point has of each.
        package var uses: [Budget.Use] = []

        /// The decision about integer weights; nil unless they were asked for.
        package var integers: IntegerDecision?

        package var collapsedCount: Int { layers.count { $0.isCollapsed } }
    }

    /// True for the name of a work whose checkpoint jobs with other budgets may use: what the sites cost, and the points.
    package static func isSearch(_ work: String) -> Bool {
        work.hasBytes(of: SiteSurvey.work) || work.startsWithBytes(of: PlanFit.workPrefix)
    }

    /// The network, with its exact blocks merged once the work begins.
    private var original: Graph
    private let parameterCount: Int
    private let task: PredictionTask
    private let samples: Samples?
    private let options: JobOptions
    private let keeper: CheckpointKeeper
    private let byteCount: @Sendable (Graph) throws(ModelError) -> Int
    private let integerForm: @Sendable (Graph) throws(ModelError) -> IntegerForm?
    private let isFinishing: () -> Bool
    private let emit: (CollapseEvent) -> Void

    /// - Parameters:
    ///   - graph: the network, lowered at the batch size of the job.
    ///   - task: the task of its output.
    ///   - samples: the samples to fit, train and decide on; optional for `merge` only.
    ///   - options: the user's options, with a method.
    ///   - keeper: the keeper of checkpoints.
    ///   - byteCount: the size of the file that a graph is written as, for a limit on it.
    ///   - integerForm: the file with integer weights that a graph is written as, when it is; nil for a graph without a
    ///     weight that it would be smaller for.
    ///   - isFinishing: true when the compression is to end with the best that it has; asked between units of its work.
    ///   - emit: receives events.
    package init(
        _ graph: Graph, task: PredictionTask, samples: Samples?, options: JobOptions,
        keeper: CheckpointKeeper = .none,
        byteCount: @escaping @Sendable (Graph) throws(ModelError) -> Int = { 4 * $0.parameterCount },
        integerForm: @escaping @Sendable (Graph) throws(ModelError) -> IntegerForm? = { _ in nil },
        isFinishing: @escaping () -> Bool = { false },
        emit: @escaping (CollapseEvent) -> Void
    ) {
        (original, parameterCount) = (graph, graph.parameterCount)
        (self.task, self.samples) = (task, samples)
        (self.options, self.keeper, self.byteCount, self.emit) = (options, keeper, byteCount, emit)
        (self.integerForm, self.isFinishing) = (integerForm, isFinishing)
    }

    /// Runs the compression.
    ///
    /// - Throws: ``ModelError`` when something cannot be computed, or a loss is not a number.
    package func run() throws(ModelError) -> Outcome {
        let (graph, blocks) = try original.mergedExactly(options)
        let merged = blocks.map { LayerOutcome($0) }
        for layer in merged { emit(.layer(layer)) }
        var rest = self
        rest.original = graph
        return try decided(try rest.run(behind: merged))
    }

    /// The outcome with the decision about integer weights, unless the choice of a point has made it.
    private func decided(_ outcome: Outcome) throws(ModelError) -> Outcome {
        guard options.quantize != .none, outcome.integers == nil else { return outcome }
        let isForced = options.quantize == .dynamicInt8
        var outcome = outcome
        guard let form = try integerForm(outcome.graph) else {
            outcome.integers = .refused(reason: IntegerDecision.nothingToQuantize)
            return outcome
        }
        guard let samples else {
            outcome.integers = isForced ? .taken : .refused(reason: "without data, what integers cost is not known")
            return outcome
        }
        let heldOut = try HeldOut(samples.search, original: original, task: task)
        let budget = Budget(options, original: heldOut.originalMetrics)
        let point = ParetoPoint(outcome.graph, plan: outcome.chosen?.plan ?? [:], try heldOut.measured(form.graph))
        let reason = budget.reasonAgainst(point)
        let bytes = try byteCount(outcome.graph)
        if !isForced, let reason = reason ?? form.reasonAgainst(floats: bytes) {
            outcome.integers = .refused(reason: reason)
            return outcome
        }
        (outcome.integers, outcome.uses) = (.taken, budget.uses(of: point.comparisons, point.metrics))
        if reason != nil {
            outcome.metBudget = false
            let admission = budget.admission(of: point)
            outcome.admission = outcome.admission.filter { old in !admission.contains { $0.option == old.option } }
            outcome.admission += admission
        }
        return outcome
    }

    /// Runs the compression of what the exact merges leave.
    private func run(behind merged: [LayerOutcome]) throws(ModelError) -> Outcome {
        if let samples, options.choosesReplacements { return try runFront(behind: merged, samples) }
        let candidates = Candidates(in: original)
        var layers = candidates.found.map { LayerOutcome($0, in: original) }
        for (index, candidate) in candidates.found.enumerated() {
            layers[index].reason = options.reason(
                against: candidate, in: original, trainsSlopes: options.method == .layercollapse)
        }
        guard layers.contains(where: { $0.reason == nil }) else {
            return Outcome(
                graph: original, layers: merged + layers, refusals: candidates.refusals, points: [], chosen: nil)
        }
        if samples != nil, options.finetune != .none,
            let obstacle = candidates.obstacle(in: original, task: task, train: options.train ?? .collapsed)
        {
            emit(.warning(code: "no_gradient", message: obstacle))
        }
        if let samples, options.method == .ridge {
            let fitted = zip(candidates.found, layers).filter { $1.reason == nil }.map(\.0)
            let message = Self.scarcity(of: samples.calibration.count, for: fitted)
            if let message { emit(.warning(code: "few_samples", message: message)) }
        }
        let heldOut: HeldOut? =
            if let samples { try HeldOut(samples.search, original: original, task: task) } else { nil }
        var path = try path(&layers, heldOut)
        let undecided = layers.count { $0.reason == nil }
        var (chosen, metBudget) = try choose(&path, &layers, heldOut)
        // The exact merges alone keep any budget.
        if chosen != nil, !metBudget, original.parameterCount < parameterCount, options.compressionRatio == nil {
            (chosen, metBudget) = (nil, true)
        }
        let isBudgetSpent = layers.count { $0.reason == nil } < undecided
        for layer in chosen?.trained ?? [] {
            if let place = layers.place(of: layer.block) { layers[place] = layer }
        }
        if chosen?.collapsed.isEmpty ?? false { chosen = nil }
        for block in chosen?.collapsed ?? [] {
            guard let place = layers.place(of: block) else { continue }
            (layers[place].isCollapsed, layers[place].choice, layers[place].reason) = (true, .affine, nil)
        }
        for index in layers.indices where !layers[index].isCollapsed && layers[index].reason == nil {
            layers[index].reason =
                isBudgetSpent
                ? "it comes after a layer that exceeds the budget" : "the budget is reached without it"
        }
        for layer in layers { emit(.layer(layer)) }
        var outcome = Outcome(
            graph: chosen?.graph ?? original, layers: merged + layers, refusals: candidates.refusals,
            points: path.points, chosen: chosen, metBudget: metBudget)
        guard let chosen, let heldOut else { return outcome }
        let budget = Budget(options, original: heldOut.originalMetrics)
        outcome.uses = budget.uses(of: chosen.comparisons, chosen.metrics)
        if !metBudget {
            outcome.admission = budget.admission(of: chosen)
            let reached = Double(parameterCount) / Double(max(1, chosen.parameters))
            if let ratio = options.compressionRatio, reached < ratio {
                outcome.admission.append(("compression_ratio", reached))
            }
        }
        return outcome
    }

    /// Chooses a replacement for each site, and writes the reasons for those that stay.
    private func runFront(behind merged: [LayerOutcome], _ samples: Samples) throws(ModelError) -> Outcome {
        let all = Sites(in: original)
        let families = options.replacements.isEmpty ? nil : Set(options.replacements)
        var (sites, layers) = ([Site](), [LayerOutcome]())
        for site in all.found {
            let choices = site.choices(in: original, families: families)
            guard let smallest = choices.last ?? site.choices(in: original, families: nil).last else { continue }
            var layer = LayerOutcome(site, in: original, smallest: smallest)
            if !options.admits(site.name) {
                layer.reason = "include and exclude leave it alone"
            } else if choices.isEmpty {
                layer.reason = "none of the replacements that may be used would be smaller"
            } else {
                sites.append(site)
            }
            layers.append(layer)
        }
        guard !sites.isEmpty else {
            return Outcome(graph: original, layers: merged + layers, refusals: all.refusals, points: [], chosen: nil)
        }
        let blocks = sites.compactMap(\.block)
        if let message = Self.scarcity(of: samples.calibration.count, for: blocks) {
            emit(.warning(code: "few_samples", message: message))
        }
        let heldOut = try HeldOut(samples.search, original: original, task: task)
        let budget = Budget(options, original: heldOut.originalMetrics)
        let timer = RunTimer(samples.search, keeper, decides: options.maxLatencyMs != nil)
        let limit = SizeLimit(options, original, parametersBefore: parameterCount, timer: timer, byteCount: byteCount)
        let search = FrontSearch(
            original: original, samples: samples, heldOut: heldOut, options: options, budget: budget, limit: limit,
            timer: timer, keeper: keeper, isFinishing: isFinishing, emit: emit)
        let points = try search.run(sites, &layers)
        let tune = { (point: ParetoPoint) throws(ModelError) -> ParetoPoint in
            guard options.finetune != .none else { return point }
            return try tuning(heldOut).run(point, on: samples.training)
        }
        func asFloats() throws(ModelError) -> FrontChoice.Result {
            let found = try FrontChoice(
                budget: budget, limit: limit, tune: tune, trainsOnce: search.takesLong
            ).run(points)
            // The exact merges alone keep any budget.
            let isMerged = original.parameterCount < parameterCount
            guard found.point != nil, !found.metBudget, isMerged, try limit.excess(of: original) == nil else {
                return found
            }
            return FrontChoice.Result(point: nil, metBudget: true)
        }
        let (form, floatBytes) = (integerForm, byteCount)
        let integers = IntegerChoice(
            original: original, heldOut: heldOut, budget: budget,
            limit: SizeLimit(
                options, original, parametersBefore: parameterCount, timer: timer
            ) { graph throws(ModelError) in
                guard let found = try form(graph) else { return try floatBytes(graph) }
                return found.byteCount
            }, form: integerForm, byteCount: byteCount, tune: tune)
        let (found, decision) = try integers.run(points, options.quantize, asFloats: asFloats)
        let chosen = found.point
        for index in layers.indices where layers[index].reason == nil {
            guard let choice = chosen?.plan[layers[index].block], let site = all[layers[index].block] else {
                layers[index].reason = layers[index].reasonToStay
                continue
            }
            (layers[index].choice, layers[index].isCollapsed) = (choice, true)
            let size = site.size(of: choice, in: original)
            (layers[index].parametersAfter, layers[index].macsAfter) = (size.parameters, size.macs)
        }
        for layer in layers { emit(.layer(layer)) }
        return Outcome(
            graph: chosen?.graph ?? original, layers: merged + layers, refusals: all.refusals, points: points,
            chosen: chosen, metBudget: found.metBudget, admission: found.admission,
            uses: (chosen ?? found.whole).map { budget.uses(of: $0.comparisons, $0.metrics) } ?? [],
            integers: decision)
    }

    private func tuning(_ heldOut: HeldOut) -> FineTuning {
        let targets = TrainingTargets(options, original: original, task: task)
        return FineTuning(
            targets: targets, options: options, heldOut: heldOut, keeper: keeper, isFinishing: isFinishing, emit: emit)
    }

    /// The samples that each regressor of a fit should have: with fewer, a map fits the noise of its samples.
    private static let samplesPerRegressor = 10

    /// The warning for layers that are fitted on too few samples, with the number that would do.
    ///
    /// - Parameters:
    ///   - count: the number of distinct calibration samples.
    ///   - candidates: the layers to fit.
    /// - Returns: nil when there are enough.
    static func scarcity(of count: Int, for candidates: [Candidate]) -> String? {
        func wanted(_ candidate: Candidate) -> Int {
            let rows = samplesPerRegressor * (candidate.inFeatures + 1)
            let rowsPerSample = candidate.uses.reduce(0) { $0 + $1.rowsPerSample }
            return (rows + rowsPerSample - 1) / rowsPerSample
        }
        let scarce = candidates.filter { wanted($0) > count }
        guard let worst = scarce.max(by: { wanted($0) < wanted($1) }) else { return nil }
        let others = scarce.count > 1 ? ", and \(scarce.count - 1) more have too few" : ""
        return "'\(worst.name)' is fitted on \(count) samples for \(worst.inFeatures + 1) regressors: "
            + "\(wanted(worst)) would do\(others)"
    }

    private func path(_ layers: inout [LayerOutcome], _ heldOut: HeldOut?) throws(ModelError) -> any CollapsePath {
        let merging = SlopeMerge(original: original, heldOut: heldOut, emit: emit)
        let limit = options.maxLayers ?? .max
        guard let samples, let heldOut else {
            emit(.phase(.search))
            return try merging.path(original, &layers, threshold: options.threshold, limit: limit)
        }
        switch options.method ?? .ridge {
        case .layercollapse:
            let targets = TrainingTargets(options, original: original, task: task)
            let training = SlopeTraining(
                original: original, samples: samples, targets: targets, options: options, keeper: keeper,
                isFinishing: isFinishing, emit: emit)
            return try SlopePath(training, heldOut: heldOut, &layers)
        case .merge:
            emit(.phase(.search))
            return try merging.path(original, &layers, threshold: options.threshold, limit: limit)
        case .ridge:
            return try RidgeSearch(
                original: original, samples: samples, heldOut: heldOut, options: options,
                isFinishing: isFinishing, emit: emit
            ).path(&layers)
        }
    }

    /// The smallest network within the budget, fine-tuned; steps back one point for each that exceeds it.
    ///
    /// All points are measured on the same samples, on which their damage grows from point to point: a point beyond the
    /// budget passes by chance in no more than 5 % of all choices of samples, however many are tried.
    ///
    /// - Returns: the point, or that of the smallest damage when none is within the budget.
    private func choose(
        _ path: inout any CollapsePath, _ layers: inout [LayerOutcome], _ heldOut: HeldOut?
    ) throws(ModelError) -> (point: ParetoPoint?, metBudget: Bool) {
        let sizes = path.parameterCounts
        guard !sizes.isEmpty else { return (nil, true) }
        var (place, isReachable) = (min(sizes.count, options.maxLayers ?? .max) - 1, true)
        if let ratio = options.compressionRatio {
            let enough = sizes.firstIndex { Double(parameterCount) / Double($0) >= ratio }
            place = min(place, enough ?? place)
            if enough == nil {
                let nearest = Double(parameterCount) / Double(max(1, sizes[place]))
                let message = "compression_ratio \(rounded(ratio)) is out of reach: the nearest is \(rounded(nearest))"
                emit(.warning(code: "ratio_missed", message: message))
                isReachable = false
            }
        }
        guard let heldOut, let samples else { return (try path.point(at: place), isReachable) }
        let budget = Budget(options, original: heldOut.originalMetrics)
        place = try lastWorthTrying(&path, upTo: place, budget, &layers)
        var smallestDamage: ParetoPoint?
        while place >= 0 {
            var point = try path.point(at: place)
            if options.method != .layercollapse, options.finetune != .none {
                point = try tuning(heldOut).run(point, on: samples.training)
            }
            guard let reason = budget.reasonAgainst(point) else {
                // A slope that did not reach 1 leaves its block, and the network larger than planned.
                return (point, isReachable && (options.compressionRatio == nil || point.parameters <= sizes[place]))
            }
            reject(point, reason, &layers)
            if smallestDamage.map({ budget.excess(of: point) <= budget.excess(of: $0) }) ?? true {
                smallestDamage = point
            }
            place -= 1
            // The mildest of the points that are not computed yet.
            if path.points.count < sizes.count, isFinishing() { place = min(place, 0) }
            if path.points.count < sizes.count { emit(.phase(.search)) }
        }
        return (smallestDamage, smallestDamage == nil)
    }

    /// The last point that fine-tuning may bring within the budget. Unknown points are bisected, since damage grows
    /// along the path.
    private func lastWorthTrying(
        _ path: inout any CollapsePath, upTo limit: Int, _ budget: Budget, _ layers: inout [LayerOutcome]
    ) throws(ModelError) -> Int {
        guard budget.isSet else { return limit }
        let isKnown = path.points.count == path.parameterCounts.count
        var (good, bad) = (0, limit + 1)
        while bad - good > 1, isKnown || !isFinishing() {
            let middle = isKnown ? bad - 1 : (good + bad) / 2
            let point = try path.point(at: middle)
            if budget.isHopeless(point) {
                reject(point, budget.reasonAgainst(point), &layers)
                bad = middle
            } else {
                good = middle
            }
        }
        return good
    }

    /// Records the reason why the last layer of a point is kept.
    private func reject(_ point: ParetoPoint, _ reason: String?, _ layers: inout [LayerOutcome]) {
        if let last = point.collapsed.last, let index = layers.place(of: last) { layers[index].reason = reason }
    }
}
