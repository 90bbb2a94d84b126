import Compute
package import Model

/// The identity of a block in a graph and in all graphs that rewrites of other blocks make of it: the name of the
/// activation's result, or the document nodes that it was lowered from where it has no name.
package struct BlockID: Hashable, Sendable {
    private let text: String

    package init(_ activation: String) { text = activation }

    /// - Parameters:
    ///   - activation: the activation's result.
    ///   - output: the result of the block, if others begin with the same activation.
    ///   - graph: a graph with both.
    init(_ activation: ValueID, to output: ValueID? = nil, in graph: Graph) {
        text = [activation, output].compactMap { value in
            value.map { value in
                let node = graph[value]
                return node.name.isEmpty ? node.origin.nodes.map(String.init).joined(separator: ",") : node.name
            }
        }.joined(separator: " ")
    }
}

/// A block linear - activation - linear that can be replaced by one linear layer.
package struct Candidate: Sendable, Identifiable {
    package let id: BlockID
    package let first: Linear
    package let second: Linear
    package let activation: Activation
    /// The ops of the activation, its result last.
    let activationNodes: [ValueID]
    /// The operand of the activation.
    package let activationInput: ValueID
    /// The BatchNorms and constants between the layers, in order.
    let affines: [Affine]
    /// The ops to replace, in evaluation order: all from the first linear to the second, or those that only the second
    /// needs.
    package let nodes: [ValueID]
    /// True when the hidden value is read elsewhere too, so that the first layer stays.
    package let isShared: Bool
    /// The modules of the block, such as `Linear-ReLU-BatchNorm-Linear`.
    package let kind: String
    /// The number of rows of one sample (tokens, pixels).
    let rowsPerSample: Int
    /// The other uses of the same weights, in evaluation order, as ALBERT has one for each of its layers.
    var twins: [Candidate] = []

    /// The block and its twins, all of which one layer replaces.
    var uses: [Candidate] { [self] + twins }

    package var name: String { first.scope }
    /// The first op of the first layer.
    var start: ValueID { first.nodes[0] }
    /// The activation's result.
    var activationValue: ValueID { activationNodes[activationNodes.count - 1] }
    package var inFeatures: Int { first.inFeatures }
    package var hidden: Int { first.outFeatures }
    package var out: Int { second.outFeatures }
    package var input: ValueID { first.input }
    package var output: ValueID { second.output }

    /// The indices of the weights and biases.
    var layerParameters: [Int] { [first.weight, second.weight] + [first.bias, second.bias].compactMap(\.self) }

    /// Replaces the block and its twins by layers of the second one's kind, with one weight.
    ///
    /// - Parameters:
    ///   - weight: `[out, in]`
    ///   - bias: `[out]`
    /// - Returns: a rewrite for each use.
    func rewrites(weight: Tensor, bias: Tensor) -> [Rewrite] {
        uses.map { use in
            let layer = second.axis.layer(reading: use.input, weight: weight, bias: bias)
            return Rewrite(removed: use.nodes, output: use.output, replacement: layer, scope: use.name)
        }
    }
}

extension [Candidate] {
    /// The runs of candidates, in graph order, of which each begins with the layer that ends the one before.
    package var chains: [[Candidate]] {
        var chains: [[Candidate]] = []
        for candidate in self {
            if let place = chains.firstIndex(where: { $0.last?.second.weight == candidate.first.weight }) {
                chains[place].append(candidate)
            } else {
                chains.append([candidate])
            }
        }
        return chains
    }
}

/// A linear layer that is in no candidate, with the reason.
package struct Refusal: Sendable, Codable, Equatable {
    package let name: String
    package let reason: String
}
