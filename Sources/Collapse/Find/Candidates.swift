package import Model
package import Options

/// Finds the blocks linear - activation - linear of a graph.
package struct Candidates: Sendable {
    /// The candidates in graph order.
    package private(set) var found: [Candidate] = []
    /// The other linear layers in graph order, each with the reason why it begins no block; the second layer of a
    /// candidate is none of them.
    package private(set) var refusals: [Refusal] = []

    package init(in graph: Graph) {
        let (consumers, leadsToLayer) = (graph.consumers(), graph.leadingToLayers)
        var refused: [(product: ValueID?, Refusal)] = []
        for value in graph.values {
            guard let first = Linear(value, in: graph, consumers: consumers, sharesNodes: true) else { continue }
            var search = BlockSearch(from: first, in: graph, consumers, leadsToLayer)
            switch search.run() {
            case .candidate(let candidate): found.append(candidate)
            // A layer that has taken the place of others is no layer of the file.
            case .refused where graph.parameters[first.weight].isNew: continue
            case .refused(let reason): refused.append((first.nodes.first, Refusal(name: first.scope, reason: reason)))
            }
        }
        let families = WeightFamilies(of: found, in: graph, consumers)
        found = families.candidates
        refused += families.refused.map { candidate, reason in
            (candidate.first.nodes.first, Refusal(name: candidate.name, reason: reason))
        }
        refused.sort { ($0.product?.index ?? 0) < ($1.product?.index ?? 0) }
        let second = Set(found.flatMap(\.uses).compactMap(\.second.nodes.first))
        refusals = refused.filter { !($0.product.map(second.contains) ?? false) }.map(\.1)
    }

    /// The candidate with an identity, if there is one.
    subscript(id: BlockID) -> Candidate? { found.first { $0.id == id } }

    /// The reason why no gradient of a loss on the network's output reaches the layers, so that they are trained on
    /// their own blocks.
    ///
    /// - Parameters:
    ///   - graph: the graph that was searched.
    ///   - task: the task of its output.
    ///   - train: the parameters to train.
    /// - Returns: a warning; nil when gradients reach the layers, or there are no candidates.
    package func obstacle(
        in graph: Graph, task: PredictionTask, train: JobOptions.Train = .collapsed
    ) -> String? {
        let own = Set(found.flatMap(\.layerParameters))
        return graph.obstacle(from: task.logits(of: graph), to: graph.trainable(train, collapsed: own))
            .map(BlockTargets.warning)
    }
}

extension Graph {
    /// For each value, whether a product with a weight is computed from it.
    fileprivate var leadingToLayers: [Bool] {
        var leads = [Bool](repeating: false, count: nodes.count)
        for value in values.reversed() {
            let operands = self[value].operands
            guard leads[value.index] || hasWeight(value) else { continue }
            for operand in operands { leads[operand.index] = true }
        }
        return leads
    }

    private func hasWeight(_ value: ValueID) -> Bool {
        switch self[value].op {
        case .matMul, .convolution(_, groups: 1): parameterIndex(self[value].operands[1]) != nil
        default: false
        }
    }
}
