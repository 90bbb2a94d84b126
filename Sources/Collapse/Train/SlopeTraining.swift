import Compute
import Model
import Options

/// Trains activations towards the identity: each becomes a PReLU with one slope, which a penalty pulls to 1 during
/// training.
///
/// - SeeAlso: arXiv:2311.17943
struct SlopeTraining {
    let original: Graph
    let samples: Samples
    let targets: TrainingTargets
    let options: JobOptions
    var keeper = CheckpointKeeper.none
    /// True when the training is to end with what it has.
    var isFinishing: () -> Bool = { false }
    let emit: (CollapseEvent) -> Void

    /// Trains the slopes of blocks, and with them what ``JobOptions/train`` says. Other blocks keep their activations.
    ///
    /// - Parameters:
    ///   - network: the network, the original or one with trained slopes.
    ///   - new: the blocks to train.
    ///   - earlier: the blocks that have been trained before; their slopes are pulled on where the training changes them.
    ///   - work: the name of the training.
    /// - Returns: the trained network, its activations still in place.
    /// - Throws: ``ModelError``, for example when a loss is not a number.
    func run(
        _ network: Graph, _ new: [BlockID], after earlier: [BlockID] = [], as work: String
    ) throws(ModelError) -> Graph {
        let sloped = try SlopedNetwork(network, of: earlier + new)
        try reportSwap(from: network, to: sloped.graph)
        let own = sloped.parameters(of: new)
        let session = TrainingSession(
            of: sloped.graph, own: own, targets: targets, on: samples.training, options: options,
            plan: TrainingPlan.slopes)
        emit(.phase(.finetuning))
        let trained = session.isLocal ? own : session.trainable
        let slopes = sloped.slopes.filter { trained.contains($0.parameter) }
        let penalties = sloped.penalties(session.plan.penalty).filter { trained.contains($0.parameter) }
        let blocks = sloped.blocks.filter { new.contains($0.id) }
        return try session.run(
            work, blocks: { blocks.map { ($0.input, $0.output) } }, penalties: penalties, keeper: keeper,
            isFinishing: isFinishing
        ) { trainer, loss in
            let now = slopes.map { ($0.layer, trainer.parameter($0.parameter)?.floats[0] ?? 0) }
            emit(.step(TrainingStep(trainer, loss: loss, session, slopes: now)))
        }
    }

    /// Warns when the swap alone changes the outputs, as it does for activations outside ReLU's family.
    private func reportSwap(from before: Graph, to after: Graph) throws(ModelError) {
        let task = targets.task
        let held = try HeldOut(samples.search, original: before, task: task)
        let cost = try held.comparison(with: after)
        guard cost.divergence.value > 1e-6 else { return }
        emit(
            .warning(
                code: "lossy_activation",
                message:
                    "PReLU in place of the activations alone moves the outputs by \(rounded(cost.divergence.value)) (KL)"
            ))
    }

    /// The bounds of blocks, `(1 - a)^2 E|W2 D relu(-z)|^2` per output: the mean square by which a merge changes each.
    ///
    /// - Parameters:
    ///   - ids: the blocks.
    ///   - trained: the network with their slopes.
    /// - Returns: the bound of each block.
    /// - Throws: ``ModelError`` when the network cannot be run.
    func bounds(of ids: [BlockID], in trained: Graph) throws(ModelError) -> [BlockID: Double] {
        var graph = trained
        var fetched: [ValueID] = []
        let blocks = Candidates(in: trained).found.filter { ids.contains($0.id) }
        for block in blocks { fetched.append(try graph.appendNegativePart(of: block)) }
        guard !fetched.isEmpty else { return [:] }
        var sums = fetched.map { _ in 0.0 }
        var rows = 0
        let inference = try Inference(graph, fetching: fetched)
        try inference.forEachBatch(of: samples.search) { range, values in
            rows += range.count
            for (index, value) in values.enumerated() {
                let perSample = Double(max(1, value.shape.elementCount / max(1, range.count)))
                sums[index] += value.floats.reduce(0) { $0 + Double($1) * Double($1) } / perSample
            }
        }
        var bounds: [BlockID: Double] = [:]
        for (block, sum) in zip(blocks, sums) {
            let slope = block.slope(in: trained)
            bounds[block.id] = (1 - slope) * (1 - slope) * sum / Double(max(1, rows))
        }
        return bounds
    }
}

extension Graph {
    /// Appends `W2 D relu(-z)`, `[..., out]`: the part of the block's output that a slope of zero removes.
    fileprivate mutating func appendNegativePart(of block: Candidate) throws(ModelError) -> ValueID {
        var value = try append(.unary(.relu), [try append(.unary(.negate), [block.activationInput])])
        for node in block.nodes where node > block.activationValue && node < block.second.nodes[0] {
            guard let affine = block.affines.first(where: { $0.value == node }) else {
                value = try append(self[node].op, [value])
                continue
            }
            let factors = affine.numbers(in: self).factor
            let following = [Int](repeating: 1, count: shape(value).rank - 1 - affine.axis)
            let constant = try computing { try Tensor(factors, Shape([factors.count] + following)) }
            value = try append(.binary(.multiply), [value, try append(.constant(constant), [])])
        }
        guard let product = block.second.nodes.first, let weight = parameterValue(block.second.weight) else {
            preconditionFailure("a linear layer has a product")
        }
        return try append(self[product].op, [value, weight])
    }
}
