import Compute
import Model

/// Training targets for layers that no gradient of the network's outputs reaches: each block, cut out of the network,
/// learns the output of the original's block. The whole network is only run forward.
struct BlockTargets {
    let original: Graph
    /// The network to train.
    let graph: Graph
    /// The input and the output of each block.
    let blocks: [(input: ValueID, output: ValueID)]

    /// The warning that is emitted once, before the work.
    static func warning(_ obstacle: String) -> String {
        obstacle + "; collapsed layers are fitted and tuned against the outputs of their own blocks alone"
    }

    /// Trains the blocks.
    ///
    /// - Parameters:
    ///   - trainable: the indices of parameters in the blocks.
    ///   - penalties: the penalties of slopes among them.
    ///   - samples: the training samples, used up to a memory limit.
    ///   - options: the options of the training.
    ///   - work: the name of the training.
    ///   - keeper: the keeper of checkpoints.
    ///   - isFinishing: true when the training is to end before its next step.
    ///   - afterStep: receives the loss before each step.
    /// - Returns: the trained network.
    /// - Throws: ``ModelError``.
    func trained(
        _ trainable: Set<Int>, penalties: [Objective.SlopePenalty] = [], on samples: Dataset, options: TrainingOptions,
        as work: String = "", keeper: CheckpointKeeper = .none, isFinishing: () -> Bool = { false },
        afterStep: (Trainer, Float) -> Void
    ) throws(ModelError) -> Graph {
        let (network, objective, samples) = try prepare(penalties, samples)
        guard !objective.terms.isEmpty else { return graph }
        let trained = try network.trained(
            objective, trainable: trainable, on: samples, options: options, as: work, keeper: keeper,
            isFinishing: isFinishing, afterStep: afterStep)
        var result = graph
        for index in trainable { result.setParameter(index, trained.parameters[index].tensor) }
        return result
    }

    /// Builds the network to train: the blocks side by side, each with its own input. Its target is the output that the
    /// original residual stream needs, as for ``BlockMoments``.
    func prepare(
        _ penalties: [Objective.SlopePenalty], _ samples: Dataset
    ) throws(ModelError) -> (Graph, Objective, Dataset) {
        let batch = graph.batchSize
        var network = GraphTransformer(graph, keepsIndices: true)
        var targets = Dataset(inputs: [:], count: affordable(samples.count))
        let chosen = samples.samples(0..<targets.count)
        var terms: [Objective.Term] = []
        for (index, block) in blocks.enumerated() {
            guard let before = original.value(named: graph[block.output].name) else { continue }
            let residual = Residual(of: block.output, in: graph, original: original)
            let now = try Inference(graph, fetching: [block.input] + (residual.map { [$0.now] } ?? []))
                .outputs(for: chosen)
            let wanted = try Inference(original, fetching: [before] + (residual.map { [$0.before] } ?? []))
                .outputs(for: chosen)
            let target = residual == nil ? wanted[0] : try wanted[0].plus(wanted[1], minus: now[1])
            let (x, y) = ("local/input.\(index)", "local/target.\(index)")
            targets.inputs[x] = now[0].reshaped(now[0].shape.divided(into: targets.count))
            targets.inputs[y] = target.reshaped(target.shape.divided(into: targets.count))
            let shape = graph.shape(block.input)
            let input = network.result.addInput(x, .float(shape.divided(into: batch)))
            let start =
                shape.divided(into: batch) == shape ? input : try network.result.append(.reshape(shape), [input])
            network.replace(block.input, by: start)
            let isNeeded = graph.needed(for: [block.output]) { $0 == block.input }
            for value in graph.values where isNeeded[value.index] && value != block.input {
                if graph.parameterIndex(value) == nil || network[value] == nil { network.keep(value) }
            }
            let end = try network.result.append(
                .reshape(graph.shape(block.output).divided(into: batch)), [network[block.output] ?? start])
            let weight = Float(1 / max(target.variance, 1e-12)) / Float(blocks.count)
            terms.append(.init(.meanSquare, of: end, target: y, weight: weight))
        }
        return (network.result, Objective(terms: terms, slopePenalties: penalties), targets)
    }

    /// The number of samples whose inputs and targets fit in memory.
    private func affordable(_ count: Int) -> Int {
        let batch = graph.batchSize
        let bytes = blocks.reduce(0) {
            $0 + 4 * (graph.shape($1.input).elementCount + graph.shape($1.output).elementCount) / batch
        }
        return min(count, max(batch, TrainingTargets.hiddenByteLimit / max(1, bytes)))
    }
}
