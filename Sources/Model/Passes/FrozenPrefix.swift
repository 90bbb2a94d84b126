import Compute

/// A network cut before its first trained parameter: the prefix is computed once per sample instead of in each step.
struct FrozenPrefix {
    /// The values of the original graph that the rest reads, and the names of their inputs in `rest`.
    let frontier: [(value: ValueID, name: String)]
    /// The network after the cut. Parameters keep their indices.
    let rest: Graph
    /// The value in `rest` of each value of the original graph.
    let moved: [ValueID?]

    /// - Returns: nil when nothing before the first trained parameter is worth keeping.
    init?(of graph: Graph, trainable: Set<Int>, batchSize: Int) throws(ModelError) {
        var (isTrained, isData) = (
            [Bool](repeating: false, count: graph.nodes.count), [Bool](repeating: false, count: graph.nodes.count)
        )
        for value in graph.values {
            let operands = graph[value].operands
            switch graph[value].op {
            case .input: isData[value.index] = true
            case .parameter(let index): isTrained[value.index] = trainable.contains(index)
            default:
                isTrained[value.index] = operands.contains { isTrained[$0.index] }
                isData[value.index] = operands.contains { isData[$0.index] }
            }
        }
        let read = Set(graph.values.filter { isTrained[$0.index] }.flatMap { graph[$0].operands })
        let cut = read.filter { !isTrained[$0.index] && isData[$0.index] }.sorted()
        let leading = cut.map { graph.shape($0).dimensions.first }
        guard !cut.isEmpty, leading.allSatisfy({ $0 == batchSize }), !cut.allSatisfy(graph.inputs.contains) else {
            return nil
        }

        var rest = Graph(parameters: graph.parameters)
        var moved = [ValueID?](repeating: nil, count: graph.nodes.count)
        var frontier: [(value: ValueID, name: String)] = []
        for value in graph.values {
            let node = graph[value]
            if cut.contains(value) {
                let name = "frozen/\(frontier.count)"
                frontier.append((value, name))
                moved[value.index] = rest.addInput(name, node.type)
            } else if isTrained[value.index] || (!isData[value.index]) {
                moved[value.index] = try rest.append(node, reading: node.operands.compactMap { moved[$0.index] })
            }
        }
        rest.addOutputs(of: graph, moved)
        self.frontier = frontier
        self.rest = rest
        self.moved = moved
    }
}

extension Graph {
    /// The memory limit in bytes for the outputs of a frozen prefix; beyond it they are computed in each step.
    private static let frozenByteLimit = 1 << 30

    /// Trains some parameters of the network.
    ///
    /// - Parameters:
    ///   - objective: the function to minimise.
    ///   - trainable: the indices of the parameters to train.
    ///   - dataset: the inputs, and the targets that the objective names.
    ///   - options: the options of the training.
    ///   - work: the name of the training, under which the keeper finds an earlier checkpoint and is offered one after
    ///     every step.
    ///   - keeper: the store of checkpoints.
    ///   - afterStep: called after each step with the trainer and the loss before that step.
    /// - Returns: the same graph with trained parameters.
    /// - Throws: ``ModelError``, as ``Trainer`` does.
    package func trained(
        _ objective: Objective, trainable: Set<Int>, on dataset: Dataset, options: TrainingOptions,
        as work: String = "", keeper: CheckpointKeeper = .none, afterStep: (Trainer, Float) -> Void
    ) throws(ModelError) -> Graph {
        var (network, objective, samples) = (self, objective, dataset)
        if let (prefix, rest) = try cut(objective, trainable: trainable, sampleCount: dataset.count) {
            let targets = Set(objective.terms.map(\.target) + objective.terms.compactMap(\.mask))
            let inference = try Inference(self, fetching: prefix.frontier.map(\.value))
            let frozen = try inference.outputs(for: dataset)
            samples.inputs = dataset.inputs.filter { targets.contains($0.key) }
            for (boundary, tensor) in zip(prefix.frontier, frozen) { samples.inputs[boundary.name] = tensor }
            (network, objective) = (prefix.rest, rest)
        }
        let trainer = try Trainer(
            network, objective: objective, trainable: trainable, dataset: samples, options: options)
        if let checkpoint = keeper.find(work) {
            do { try trainer.restore(checkpoint) } catch { keeper.refuse(work, error) }
        }
        while trainer.step < options.steps {
            let loss = try trainer.takeStep()
            afterStep(trainer, loss)
            keeper.offer(work, trainer.step == options.steps) { trainer.checkpoint }
        }
        var result = self
        let trained = trainer.trainedGraph()
        for index in trainable { result.setParameter(index, trained.parameters[index].tensor) }
        return result
    }

    /// The division of the network for a training of so many samples.
    ///
    /// - Returns: the division, and the objective in terms of its rest; nil when the prefix is not worth its memory.
    func cut(
        _ objective: Objective, trainable: Set<Int>, sampleCount: Int
    ) throws(ModelError) -> (prefix: FrozenPrefix, objective: Objective)? {
        guard let prefix = try FrozenPrefix(of: self, trainable: trainable, batchSize: batchSize),
            byteCount(of: prefix, sampleCount: sampleCount) <= Self.frozenByteLimit
        else { return nil }
        var rest = objective
        rest.terms = objective.terms.compactMap { term in
            guard let value = prefix.moved[term.value.index] else { return nil }
            var moved = term
            moved.value = value
            return moved
        }
        return (prefix, rest)
    }

    /// The bytes of the prefix's outputs for all samples.
    func byteCount(of prefix: FrozenPrefix, sampleCount: Int) -> Int {
        prefix.frontier.reduce(0) { $0 + type($1.value).byteCount / batchSize * sampleCount }
    }
}
