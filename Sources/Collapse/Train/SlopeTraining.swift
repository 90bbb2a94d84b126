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
    let emit: (CollapseEvent) -> Void

    /// The initial slope of an activation without one.
    private static let startOfOthers: Float = 0.01

    /// Trains the slopes of all candidates.
    ///
    /// - Parameter layers: all candidates; receive their bound.
    /// - Returns: the trained network, its activations still in place.
    /// - Throws: ``ModelError``, for example when a loss is not a number.
    func run(_ layers: inout [LayerOutcome]) throws(ModelError) -> Graph {
        let blocks = layers.filter { $0.reason == nil }.map(\.block)
        var graph = original
        switch options.order {
        case .measured: graph = try train(graph, blocks, as: "slopes")
        case .fromEnd:
            for (place, block) in blocks.enumerated().reversed() {
                graph = try train(graph, [block], as: "slopes-\(place)")
            }
        }
        try measure(graph, &layers)
        return graph
    }

    private func train(_ network: Graph, _ ids: [BlockID], as work: String) throws(ModelError) -> Graph {
        var graph = network
        for id in ids { graph = try swapped(graph, id) }
        try reportSwap(from: network, to: graph)
        let blocks = Candidates(in: graph).found.filter { ids.contains($0.id) }
        let slopes = blocks.compactMap { block in
            if case .prelu(let slope) = block.activation { (layer: block.name, parameter: slope) } else { nil }
        }
        let own = Set(blocks.flatMap(\.layerParameters) + slopes.map(\.parameter))
        let session = TrainingSession(
            of: graph, own: own, targets: targets, on: samples.training, options: options, plan: TrainingPlan.slopes)
        emit(.phase(.finetuning))
        let strength = Float(session.plan.penalty)
        let penalties = slopes.map { Objective.SlopePenalty(parameter: $0.parameter, strength: strength) }
        return try session.run(
            work, blocks: { blocks.map { ($0.input, $0.output) } }, penalties: penalties, keeper: keeper
        ) { trainer, loss in
            let now = slopes.map { ($0.layer, trainer.parameter($0.parameter)?.floats[0] ?? 0) }
            emit(.step(TrainingStep(trainer, loss: loss, session.plan, batchSize: session.batch, slopes: now)))
        }
    }

    /// Replaces an activation by a PReLU of one slope. ReLU, LeakyReLU and a PReLU of one slope compute the same as
    /// before.
    private func swapped(_ graph: Graph, _ id: BlockID) throws(ModelError) -> Graph {
        guard let block = Candidates(in: graph)[id] else { return graph }
        var start = Self.startOfOthers
        switch block.activation {
        case .unary(.relu): start = 0
        case .unary(.leakyRelu(let slope)): start = slope
        case .prelu(let index):
            let slopes = graph.parameters[index].tensor.floats
            if slopes.count == 1, graph.readers(of: index) == 1 { return graph }
            start = slopes.reduce(0, +) / Float(max(1, slopes.count))
        case .unary, .composed: break
        }
        let slope = try computing { try Tensor([start], Shape([1])) }
        return try graph.replacing(
            Rewrite(
                removed: block.activationNodes, output: block.activationValue,
                replacement: .prelu(input: block.activationInput, slope: slope), scope: block.name))
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

    /// Measures the bound of each block, `(1 - a)^2 E|W2 D relu(-z)|^2` per output: the mean square by which a merge
    /// changes it.
    private func measure(_ trained: Graph, _ layers: inout [LayerOutcome]) throws(ModelError) {
        var graph = trained
        var fetched: [ValueID] = []
        let blocks = Candidates(in: trained).found.filter { layers.isOpen($0.id) }
        for block in blocks { fetched.append(try graph.appendNegativePart(of: block)) }
        guard !fetched.isEmpty else { return }
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
        for (block, sum) in zip(blocks, sums) {
            guard let place = layers.place(of: block.id) else { continue }
            let slope = block.slope(in: trained)
            layers[place].bound = (1 - slope) * (1 - slope) * sum / Double(max(1, rows))
        }
    }
}

extension Graph {
    fileprivate func readers(of parameter: Int) -> Int {
        values.count { self[$0].operands.contains { parameterIndex($0) == parameter } }
    }

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
