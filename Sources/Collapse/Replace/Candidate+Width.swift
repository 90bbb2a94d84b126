import Compute
import Model

extension Candidate {
    /// The ops from the first layer up to the operand of the activation.
    private var opsBefore: [ValueID] {
        let own = Set(activationNodes)
        return nodes.filter { !own.contains($0) && $0 <= activationInput }
    }

    /// The ops behind the activation.
    private var opsBehind: [ValueID] { nodes.filter { $0 > activationValue } }

    /// The number of slopes of a PReLU, which a block with fewer channels keeps.
    func slopeCount(in graph: Graph) -> Int {
        guard case .prelu(let slope) = activation else { return 0 }
        return graph.parameters[slope].tensor.shape.elementCount
    }

    /// True if the block can be rebuilt with fewer hidden channels: nothing else reads them, no slope is theirs alone, they
    /// keep their axis, and no node of the file computes the activation and a part of a layer.
    func canBeNarrowed(in graph: Graph) -> Bool {
        guard !isShared, hidden > 1, slopeCount(in: graph) <= 1 else { return false }
        let moves = nodes.contains { if case .transpose = graph[$0].op { true } else { false } }
        return !moves
            && uses.allSatisfy { use in
                !graph[use.activationInput].name.isEmpty
                    && [use.opsBefore, use.opsBehind, use.activationNodes].allSatisfy(graph.ownsNodes)
            }
    }

    /// Rebuilds the block and its twins with some of the hidden channels.
    ///
    /// - Parameters:
    ///   - channels: the kept channels, ascending.
    ///   - second: the layer that reads them, `[out, channels]`.
    ///   - path: the layers from the block's input to its output beside the channels, first to last; empty for none.
    ///   - graph: the graph of the block.
    /// - Returns: the rewrites of each use.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func narrowed(
        to channels: [Int], second: Rewrite.NewLayer, path: [Rewrite.NewLayer], in graph: Graph
    ) throws(ModelError) -> [Rewrite] {
        let (weight, bias) = try firstLayer(channels, in: graph)
        var rewrites: [Rewrite] = []
        for use in uses {
            rewrites.append(
                Rewrite(
                    removed: use.opsBefore, output: use.activationInput,
                    replacement: first.axis.layer(reading: use.input, weight: weight, bias: bias), scope: use.name,
                    isResizing: true))
            var sum = use.second.axis.layer(over: .value(use.activationValue), second)
            if !path.isEmpty {
                var beside = Rewrite.Replacement.value(use.input)
                for layer in path { beside = use.second.axis.layer(over: beside, layer) }
                sum = .sum(sum, beside)
            }
            rewrites.append(
                Rewrite(removed: use.opsBehind, output: use.output, replacement: sum, scope: use.second.scope))
        }
        return rewrites
    }

    /// The rows of the first layer for some channels, with what stands between it and the activation.
    ///
    /// - Returns: `[channels, in]` and `[channels]`.
    private func firstLayer(
        _ channels: [Int], in graph: Graph
    ) throws(ModelError) -> (weight: Tensor, bias: Tensor) {
        var map = AffineMap(features: inFeatures)
        try map.apply(first, bias: first.bias, in: graph)
        for affine in affines where affine.value <= activationInput { try map.apply(affine, in: graph) }
        return try map.rows(channels)
    }
}

extension FeatureAxis {
    /// A layer over features on this axis of an expression.
    func layer(over operand: Rewrite.Replacement, _ layer: Rewrite.NewLayer) -> Rewrite.Replacement {
        switch self {
        case .last: .linear(operand, layer)
        case .second: .pointwise(operand, layer)
        }
    }
}
