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
    init?(of graph: Graph, trainable: Set<Int>, batchSize: Int) {
        let isTrained = graph.dependents { graph.parameterIndex($0).map(trainable.contains) ?? false }
        let isData = graph.dependents { graph.inputName($0) != nil }
        let read = Set(graph.values.filter { isTrained[$0.index] }.flatMap { graph[$0].operands })
        let cut = read.filter { !isTrained[$0.index] && isData[$0.index] }.sorted()
        let leading = cut.map { graph.shape($0).dimensions.first }
        guard !cut.isEmpty, leading.allSatisfy({ $0 == batchSize }), !cut.allSatisfy(graph.inputs.contains) else {
            return nil
        }

        var transformer = GraphTransformer(graph, keepsIndices: true)
        var frontier: [(value: ValueID, name: String)] = []
        for value in graph.values {
            if cut.contains(value) {
                let name = "frozen/\(frontier.count)"
                frontier.append((value, name))
                transformer.replace(value, by: transformer.result.addInput(name, graph.type(value)))
            } else if isTrained[value.index] || !isData[value.index] {
                transformer.keep(value)
            }
        }
        transformer.keepOutputs()
        self.frontier = frontier
        rest = transformer.result
        moved = graph.values.map { transformer[$0] }
    }
}

extension Graph {
    /// The memory limit in bytes for the outputs of a frozen prefix; beyond it they are computed in each step.
    private static let frozenByteLimit = 1 << 30

    /// The division of the network for a training of so many samples.
    ///
    /// - Returns: the division, and the objective in terms of its rest; nil when the prefix is not worth its memory.
    func cut(
        _ objective: Objective, trainable: Set<Int>, sampleCount: Int
    ) -> (prefix: FrozenPrefix, objective: Objective)? {
        guard let prefix = FrozenPrefix(of: self, trainable: trainable, batchSize: batchSize),
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
