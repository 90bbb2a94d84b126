import Compute
package import Model

/// What a compression would take in each of its parts, beside the network and its data, before it takes it.
package struct CompressionMemory: Sendable {
    /// Sums over the samples, the maps that follow from them, and the outputs by which they are judged.
    package private(set) var fittingBytes = 0
    /// What the network learns from, and its training.
    package private(set) var trainingBytes = 0
    /// The outputs of both networks side by side.
    package let measuringBytes: Int

    private let graph: Graph
    private let task: PredictionTask
    private let counts: SampleCounts
    private let options: CompressionOptions

    package var peakBytes: Int { max(fittingBytes, trainingBytes, measuringBytes) }

    /// Arrays of outputs that are held for a comparison: both networks' and, as it computes, the numbers of both.
    private static let comparedCopies = 4

    /// - Parameters:
    ///   - graph: at the batch size of the work.
    ///   - task: what its output is.
    ///   - counts: of the samples; nil without data.
    ///   - options: with a method.
    /// - Throws: ``ModelError`` when there is no memory even for that.
    package init(
        _ graph: Graph, task: PredictionTask, counts: SampleCounts?, options: CompressionOptions
    ) throws(ModelError) {
        self.graph = graph
        self.task = task
        self.options = options
        let logits = graph.bytesPerSample(task.logits(of: graph))
        let plan = try ExecutionPlan.byteCount(of: graph, fetching: graph.outputs.map(\.value))
        guard let counts else {
            self.counts = SampleCounts(0, validation: 0, options)
            measuringBytes = 2 * plan
            return
        }
        self.counts = counts
        measuringBytes = 2 * plan + Self.comparedCopies * counts.validation * logits
        let kept = (counts.search + counts.validation) * logits
        let candidates = Candidates(in: graph).found.filter {
            options.admits($0.name) && Profit($0, in: graph).isProfitable
        }
        guard !candidates.isEmpty else { return }
        switch options.method ?? .ridge {
        case .ridge, .gate:
            let passages = try passages(candidates)
            fittingBytes =
                kept + fitting(candidates) + plan + passages + (Self.comparedCopies - 1) * counts.search * logits
            trainingBytes = kept + Self.mapBytes(candidates) + (try tuning(candidates))
        case .layercollapse: trainingBytes = kept + (try slopes(candidates))
        case .merge, .datafree: trainingBytes = kept + Self.mapBytes(candidates) + (try tuning(candidates))
        }
    }

    /// Two sums for each block, and what solving for the widest takes.
    private func fitting(_ candidates: [Candidate]) -> Int {
        var (sums, widest) = (0, 0)
        for candidate in candidates {
            let (square, rectangle) = (
                candidate.regressorCount * candidate.regressorCount, candidate.regressorCount * candidate.out
            )
            sums += 2 * 8 * (square + rectangle)
            // Both covariances, the system and its factor; the solution, as it comes and as it is used.
            widest = max(widest, 8 * (4 * square + 7 * rectangle))
        }
        return sums + widest + Self.mapBytes(candidates)
    }

    /// What is kept between two blocks: of the network as it is now, on both sides of a step, and of the original.
    private func passages(_ candidates: [Candidate]) throws(ModelError) -> Int {
        var widest = 0
        for place in candidates.compactMap(\.nodes.first) {
            let frontier = try GraphSuffix(of: graph, from: place).frontier
            let bytes = frontier.reduce(0) { $0 + graph.bytesPerSample($1.value) }
            let (kept, overflow) = bytes.multipliedReportingOverflow(by: counts.calibration + counts.search)
            if !overflow, kept <= PartialForward.usualByteLimit { widest = max(widest, kept) }
        }
        return 3 * widest
    }

    /// Every point of the way keeps maps of its own.
    private static func mapBytes(_ candidates: [Candidate]) -> Int {
        let whole = candidates.reduce(0) { $0 + 4 * $1.out * ($1.inFeatures + 1) }
        return whole * (candidates.count + 1) / 2
    }

    private func tuning(_ candidates: [Candidate]) throws(ModelError) -> Int {
        guard options.finetune != .none else { return 0 }
        var collapsed = graph
        let names = Set(candidates.map { graph[$0.activationValue].name })
        while let candidate = Candidates(in: collapsed).found.first(where: {
            names.contains(collapsed[$0.activationValue].name)
        }) {
            let (weight, bias): (Tensor, Tensor)
            do {
                weight = try Tensor(zeros: Shape([candidate.out, candidate.inFeatures]))
                bias = try Tensor(zeros: Shape([candidate.out]))
            } catch {
                throw .compute(ComputeError(error))
            }
            collapsed = try collapsed.replacing(candidate.rewrite(weight: weight, bias: bias))
        }
        let new = Set(collapsed.parameters.indices.filter { collapsed.parameters[$0].isNew })
        return try training(
            collapsed, streams: FineTuning.streams(of: collapsed, new, original: graph), new,
            TrainingPlan.fineTuning(options, stepsPerEpoch: 1))
    }

    private func slopes(_ candidates: [Candidate]) throws(ModelError) -> Int {
        let own = Set(candidates.flatMap(\.layerParameters))
        return try training(graph, streams: [], own, TrainingPlan.slopes(options, stepsPerEpoch: 1))
    }

    private func training(
        _ network: Graph, streams: [String], _ collapsed: Set<Int>, _ plan: TrainingPlan
    ) throws(ModelError) -> Int {
        let trainable = network.trainable(options.train, collapsed: collapsed)
        // Each layer is then taught by its own block, which takes less than the whole.
        guard network.obstacle(from: task.logits(of: network), to: trainable) == nil else { return 0 }
        let lessons = TrainingTargets(options, original: graph, task: task)
        let (terms, fetched) = lessons.terms(
            for: network, streams: streams, count: counts.training, hasLabels: options.finetune != .selfDistill)
        let targets = fetched.reduce(0) { $0 + graph.bytesPerSample($1) * counts.training }
        let teacher = try ExecutionPlan.byteCount(of: graph, fetching: fetched)
        let runs = network.runsPerStep(batch: options.batchSize ?? network.batchSize, samples: counts.training)
        let training = try TrainingMemory(
            network, Objective(terms: terms), trainable: trainable,
            sampleCount: counts.training, plan.options(seed: 0, isShuffled: false, runsPerStep: runs))
        return targets + max(teacher, training.peakBytes)
    }
}

extension Graph {
    func bytesPerSample(_ value: ValueID) -> Int { type(value).byteCount / batchSize }
}
