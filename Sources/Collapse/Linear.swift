import Compute
package import Model

/// A linear layer in a graph: a product with a parameter on the right, and the bias that joins it.
package struct Linear: Sendable {
    /// Index of the weight in ``Graph/parameters``.
    package let weight: Int
    /// Whether the weight lies as `[out, in]`, as PyTorch has it, or as `[in, out]`.
    package let isOutByIn: Bool
    package let bias: Int?
    package let input: ValueID
    /// After the bias.
    package let output: ValueID
    /// The ops that compute it.
    package let nodes: [ValueID]
    package let inFeatures: Int
    package let outFeatures: Int
    /// The module path.
    package let scope: String

    /// - Returns: nil when the value is not the product of a linear layer.
    init?(_ value: ValueID, in graph: Graph, consumers: [[ValueID]]) {
        guard case .matMul(false, let isOutByIn) = graph[value].op,
            let weight = graph.parameterIndex(graph[value].operands[1]),
            graph.parameters[weight].tensor.shape.rank == 2
        else { return nil }
        let sizes = graph.parameters[weight].tensor.shape
        self.weight = weight
        self.isOutByIn = isOutByIn
        inFeatures = isOutByIn ? sizes[1] : sizes[0]
        outFeatures = isOutByIn ? sizes[0] : sizes[1]
        input = graph[value].operands[0]
        scope = graph[value].scope.isEmpty ? graph[value].name : graph[value].scope

        var (bias, output, nodes): (Int?, ValueID, [ValueID]) = (nil, value, [value])
        if graph[value].operands.count > 2 {
            // A bias that is computed belongs to no layer.
            guard let index = graph.parameterIndex(graph[value].operands[2]) else { return nil }
            bias = index
        }
        // On more than two axes exporters write the bias as an Add, with either operand first.
        if bias == nil, graph[value].operands.count == 2, consumers[value.index].count == 1, !graph.isOutput(value) {
            let next = consumers[value.index][0]
            if case .binary(.add) = graph[next].op,
                let other = graph[next].operands.first(where: { $0 != value }),
                let index = graph.parameterIndex(other), graph.shape(other).dimensions == [outFeatures]
            {
                (bias, output, nodes) = (index, next, [value, next])
            }
        }
        // A node of the file that does more, such as a Gemm with a factor, cannot go by half.
        let sources = Set(nodes.flatMap { graph[$0].origin.nodes })
        guard graph.values.allSatisfy({ nodes.contains($0) || sources.isDisjoint(with: graph[$0].origin.nodes) }) else {
            return nil
        }
        (self.bias, self.output, self.nodes) = (bias, output, nodes)
    }

    package var parameterCount: Int { outFeatures * (inFeatures + (bias == nil ? 0 : 1)) }
}
