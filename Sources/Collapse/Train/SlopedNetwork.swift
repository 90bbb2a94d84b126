import Compute
package import Model
package import Options

/// A network whose activations have become PReLUs of one slope each, in some of its blocks.
///
/// - SeeAlso: arXiv:2311.17943
package struct SlopedNetwork: Sendable {
    /// The slope of a block.
    package struct Slope: Sendable {
        /// The module path of the block.
        package let layer: String
        /// The index of the slope in ``Graph/parameters``.
        package let parameter: Int
    }

    package let graph: Graph
    /// The blocks with a slope, in graph order.
    let blocks: [Candidate]
    /// The slopes, in the order of ``blocks``.
    package let slopes: [Slope]

    /// The initial slope of an activation without one.
    private static let startOfOthers: Float = 0.01

    /// Puts PReLUs in place of activations.
    ///
    /// - Parameters:
    ///   - network: the network.
    ///   - ids: blocks of it; the others stay as they are.
    /// - Throws: ``ModelError/rewrite(value:reason:)`` when an activation is read in a way that a rewrite cannot keep.
    package init(_ network: Graph, of ids: [BlockID]) throws(ModelError) {
        var graph = network
        for id in ids { graph = try Self.swapped(graph, id) }
        let found = Candidates(in: graph).found.filter { ids.contains($0.id) }
        self.graph = graph
        blocks = found
        slopes = found.compactMap { block in
            guard case .prelu(let parameter) = block.activation else { return nil }
            return Slope(layer: block.name, parameter: parameter)
        }
    }

    /// Puts PReLUs into every block that can be merged once its slope is 1, and that the options admit.
    ///
    /// - Parameters:
    ///   - network: the network.
    ///   - options: `include` and `exclude`.
    /// - Returns: the network, which is the same without such blocks, and the others with their reasons.
    /// - Throws: ``ModelError`` as ``init(_:of:)``.
    package static func whole(
        _ network: Graph, _ options: JobOptions
    ) throws(ModelError) -> (sloped: SlopedNetwork, refusals: [Refusal]) {
        let candidates = Candidates(in: network)
        var (blocks, refusals) = ([BlockID](), candidates.refusals)
        for candidate in candidates.found {
            if let reason = options.reason(against: candidate, in: network, trainsSlopes: true) {
                refusals.append(Refusal(name: candidate.name, reason: reason))
            } else {
                blocks.append(candidate.id)
            }
        }
        return (try SlopedNetwork(network, of: blocks), refusals)
    }

    /// The penalties that pull the slopes to 1.
    package func penalties(_ strength: Double) -> [Objective.SlopePenalty] {
        slopes.map { Objective.SlopePenalty(parameter: $0.parameter, strength: Float(strength)) }
    }

    /// The indices of the weights, biases and slopes of some of the blocks.
    func parameters(of ids: [BlockID]) -> Set<Int> {
        Set(zip(blocks, slopes).filter { ids.contains($0.0.id) }.flatMap { $0.layerParameters + [$1.parameter] })
    }

    /// Replaces an activation by a PReLU of one slope. ReLU, LeakyReLU and a PReLU of one slope compute the same as
    /// before.
    private static func swapped(_ graph: Graph, _ id: BlockID) throws(ModelError) -> Graph {
        guard let block = Candidates(in: graph)[id] else { return graph }
        var start = startOfOthers
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
}

extension Graph {
    fileprivate func readers(of parameter: Int) -> Int {
        values.count { self[$0].operands.contains { parameterIndex($0) == parameter } }
    }
}
