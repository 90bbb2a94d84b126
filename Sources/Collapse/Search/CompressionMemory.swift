import Compute
package import Model
package import Options

/// An estimate of the memory that each part of a compression needs, in addition to the network and its data.
package struct CompressionMemory: Sendable {
    /// The bytes of the moments, the fitted maps, and the outputs that are compared.
    package private(set) var fittingBytes = 0
    /// The bytes of the training targets and the training.
    package private(set) var trainingBytes = 0
    /// The bytes of the outputs of both networks.
    package let measuringBytes: Int

    private let graph: Graph
    private let task: PredictionTask
    private let counts: SampleCounts
    private let options: JobOptions

    package var peakBytes: Int { max(fittingBytes, trainingBytes, measuringBytes) }

    /// The number of arrays of outputs held for a comparison: those of both networks, and a copy of each.
    private static let comparedCopies = 4

    /// Estimates the memory.
    ///
    /// - Parameters:
    ///   - graph: the network, lowered at the batch size of the job.
    ///   - task: the task of its output.
    ///   - counts: the counts of the samples; nil without data.
    ///   - options: the user's options, with a method.
    /// - Throws: ``ModelError`` when there is no memory for the estimate itself.
    package init(
        _ graph: Graph, task: PredictionTask, counts: SampleCounts?, options: JobOptions
    ) throws(ModelError) {
        let graph = try graph.mergedExactly(options, isComputed: false).graph
        (self.graph, self.task, self.options) = (graph, task, options)
        let compared = task.all(in: graph).map { $0.logits(of: graph) }
        let logits = compared.reduce(0) { $0 + graph.bytesPerSample($1) }
        let plan = try ExecutionPlan.byteCount(of: graph, fetching: graph.outputs.map(\.value))
        guard let counts else {
            self.counts = SampleCounts(0, validation: 0, options)
            measuringBytes = 2 * plan
            return
        }
        self.counts = counts
        measuringBytes = 2 * plan + Self.comparedCopies * counts.validation * logits
        let kept = (counts.search + counts.validation) * logits
        if options.choosesReplacements {
            let sites = Sites(in: graph).found.filter { options.admits($0.name) }
            guard !sites.isEmpty else { return }
            fittingBytes =
                kept + surveying(sites) + plan + passages(sites.map(\.start))
                + (Self.comparedCopies - 1) * counts.search * logits
            trainingBytes = kept + Self.frontBytes(sites, in: graph) + (try tuning(Candidates(in: graph).found, sites))
            return
        }
        let candidates = Candidates(in: graph).found.filter {
            options.admits($0.name) && Profit($0, in: graph).isProfitable
        }
        guard !candidates.isEmpty else { return }
        switch options.method ?? .ridge {
        case .ridge:
            let passages = passages(candidates.map(\.start))
            fittingBytes =
                kept + fitting(candidates) + plan + passages + (Self.comparedCopies - 1) * counts.search * logits
            trainingBytes = kept + Self.mapBytes(candidates) + (try tuning(candidates))
        case .layercollapse:
            trainingBytes = kept + (try slopes(candidates))
            guard options.hasBudget, options.order == .measured else { break }
            fittingBytes = kept + fitting(candidates) + plan + passages(candidates.map(\.start))
        case .merge: trainingBytes = kept + Self.mapBytes(candidates) + (try tuning(candidates))
        }
    }

    /// The bytes of two sets of moments per block, and of solving for the widest block.
    private func fitting(_ candidates: [Candidate]) -> Int {
        var (sums, widest) = (0, 0)
        for candidate in candidates {
            let (square, rectangle) = (
                candidate.regressorCount * candidate.regressorCount, candidate.regressorCount * candidate.out
            )
            sums += 2 * 8 * (square + rectangle)
            // Both covariances, the system and its factor; the solution and its copies.
            widest = max(widest, 8 * (4 * square + 7 * rectangle))
        }
        return sums + widest + Self.mapBytes(candidates)
    }

    /// The bytes of the covariances and the fits of the widest site, of its fitted choices, and of all points.
    private func surveying(_ sites: [Site]) -> Int {
        var widest = 0
        for site in sites {
            let (features, outputs) = (site.linearFeatureCount + site.widths.hidden, site.widths.output)
            let choices = site.choices(in: graph, families: nil)
            let fitted = choices.reduce(0) { $0 + 4 * site.size(of: $1, in: graph).parameters }
            if case .table = site.kind {
                // The entries, scaled, and as they are read out.
                widest = max(widest, fitted + 2 * 4 * site.size(in: graph).parameters)
            } else {
                // The covariances of both sample sets, and of the channels the system, its factor and inverse, and a selection.
                widest = max(widest, fitted + 8 * (6 * features * features + 5 * features * outputs))
            }
        }
        return widest + Self.frontBytes(sites, in: graph) + originals(sites)
    }

    /// The bytes of the replacements of all points: each keeps its own, half of the sites' size on average, and tables of
    /// every rank are shared.
    private static func frontBytes(_ sites: [Site], in graph: Graph) -> Int {
        sites.reduce(0) { total, site in
            guard !site.isTable else {
                return total
                    + site.choices(in: graph, families: nil).reduce(0) {
                        $0 + 4 * site.size(of: $1, in: graph).parameters
                    }
            }
            return total + 4 * site.size(in: graph).parameters / 2 * FrontSearch.mostPoints
        }
    }

    /// The bytes of what the original computes, which the replacements of all points are fitted to.
    private func originals(_ sites: [Site]) -> Int {
        [counts.calibration, counts.search].reduce(0) { total, count in
            total + min(OriginalValues.byteCount(at: sites, count: count), OriginalValues.byteLimit)
        }
    }

    /// The bytes kept between two blocks: by the current network before and after a step, and by the original.
    private func passages(_ places: [ValueID]) -> Int {
        var widest = 0
        for place in places {
            let frontier = GraphSuffix(of: graph, from: place).frontier
            let bytes = frontier.reduce(0) { $0 + graph.bytesPerSample($1.value) }
            let (kept, overflow) = bytes.multipliedReportingOverflow(by: counts.calibration + counts.search)
            if !overflow, kept <= PartialForward.defaultByteLimit { widest = max(widest, kept) }
        }
        return 3 * widest
    }

    /// The bytes of the maps of all points: each point keeps its own.
    private static func mapBytes(_ candidates: [Candidate]) -> Int {
        let whole = candidates.reduce(0) { $0 + 4 * $1.out * ($1.inFeatures + 1) }
        return whole * (candidates.count + 1) / 2
    }

    private func tuning(_ candidates: [Candidate], _ sites: [Site] = []) throws(ModelError) -> Int {
        guard options.finetune != .none else { return 0 }
        var collapsed = graph
        let blocks = Set(candidates.map(\.id))
        while let candidate = Candidates(in: collapsed).found.first(where: { blocks.contains($0.id) }) {
            collapsed = try collapsed.replacing(candidate.placeholder())
        }
        for site in sites where site.region != nil {
            guard let region = Sites(in: collapsed)[site.id]?.region else { continue }
            collapsed = try collapsed.replacing(region.placeholder())
        }
        let new = Set(collapsed.parameters.indices.filter { collapsed.parameters[$0].isNew })
        return try training(
            collapsed, streams: FineTuning.streams(of: collapsed, new, original: graph), new
        ) { .fineTuning($0, stepsPerEpoch: $1, of: graph) }
    }

    private func slopes(_ candidates: [Candidate]) throws(ModelError) -> Int {
        let own = Set(candidates.flatMap(\.layerParameters))
        return try training(graph, streams: [], own, TrainingPlan.slopes)
    }

    private func training(
        _ network: Graph, streams: [String], _ collapsed: Set<Int>, _ planned: (JobOptions, Int) -> TrainingPlan
    ) throws(ModelError) -> Int {
        let trainable = network.trainable(options, task, collapsed: collapsed)
        // Each layer is then trained on its own block, which takes less memory than the whole.
        guard network.obstacle(from: task.logits(of: network), to: trainable) == nil else { return 0 }
        let runs = network.runsPerStep(batch: options.batchSize ?? network.batchSize, samples: counts.training)
        let batch = network.batchSize * runs
        let plan = planned(options, max(1, counts.training / batch))
        let perSample = network.inputBytesPerSample
        let seen = TrainingSession.seenCount(
            of: counts.training, bytesPerSample: perSample, plan.steps, batch: batch)
        let copied = seen < counts.training ? seen * perSample : 0
        let lessons = TrainingTargets(options, original: graph, task: task)
        let (terms, fetched) = lessons.terms(
            for: network, streams: streams, count: seen, hasLabels: options.finetune != .selfDistill)
        let targets = fetched.reduce(0) { $0 + graph.bytesPerSample($1) * seen }
        let teacher = try ExecutionPlan.byteCount(of: graph, fetching: fetched)
        let training = try TrainingMemory(
            network, Objective(terms: terms), trainable: trainable,
            sampleCount: seen, plan.options(seed: 0, isShuffled: false, runsPerStep: runs))
        return copied + targets + max(teacher, training.peakBytes)
    }
}

extension Graph {
    func bytesPerSample(_ value: ValueID) -> Int { type(value).byteCount / batchSize }

    var inputBytesPerSample: Int { inputs.reduce(0) { $0 + bytesPerSample($1) } }
}
