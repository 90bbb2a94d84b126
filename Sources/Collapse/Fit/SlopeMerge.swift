import Compute
import Model

/// Merges the blocks whose activation is the identity, within a threshold.
struct SlopeMerge {
    let original: Graph
    let heldOut: HeldOut?
    let emit: (CollapseEvent) -> Void

    /// Merges the blocks of a network one by one.
    ///
    /// - Parameters:
    ///   - graph: the network, for example with trained slopes.
    ///   - layers: all candidates; receive their slope, and the reason if they are rejected.
    ///   - threshold: the distance from 1 below which a slope is accepted.
    ///   - limit: the maximum number of merges, of the slopes nearest to 1.
    /// - Returns: a point for each merge, the cheapest product first.
    /// - Throws: ``ModelError``.
    func path(
        _ graph: Graph, _ layers: inout [LayerOutcome], threshold: Double, limit: Int
    ) throws(ModelError) -> [ParetoPoint] {
        var accepted: [(block: BlockID, gap: Double)] = []
        for candidate in Candidates(in: graph).found {
            guard let place = layers.place(of: candidate.id), layers[place].reason == nil else { continue }
            let slope = candidate.slope(in: graph)
            layers[place].slope = slope
            if abs(slope - 1) < threshold {
                accepted.append((candidate.id, abs(slope - 1)))
            } else {
                let found = candidate.activation.hasSlope ? "its slope \(rounded(slope))" : candidate.activation.name
                layers[place].reason = "\(found) is not within \(rounded(threshold)) of the identity's slope, 1"
            }
        }
        accepted.sort { $0.gap < $1.gap }
        for refused in accepted.dropFirst(limit) {
            guard let place = layers.place(of: refused.block) else { continue }
            layers[place].reason = "max_layers is \(limit)"
        }
        return try merged(graph, Set(accepted.prefix(limit).map(\.block)))
    }

    private func merged(_ graph: Graph, _ accepted: Set<BlockID>) throws(ModelError) -> [ParetoPoint] {
        var (graph, points, collapsed) = (graph, [ParetoPoint](), [BlockID]())
        while let candidate = Candidates(in: graph).found
            .filter({ accepted.contains($0.id) })
            .min(by: { $0.productCost < $1.productCost })
        {
            collapsed.append(candidate.id)
            graph = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
            let point = try ParetoPoint(graph, collapsed: collapsed, heldOut: heldOut)
            points.append(point)
            emit(.point(point))
            emit(.progress(done: collapsed.count, of: accepted.count))
        }
        return points
    }
}

extension Candidate {
    /// The multiply-adds of the product of the two weights.
    var productCost: Double { Double(out) * Double(hidden) * Double(inFeatures) }

    /// The slope for negative values, of the feature farthest from the identity.
    func slope(in graph: Graph) -> Double {
        switch activation {
        case .unary(.leakyRelu(let slope)): Double(slope)
        case .unary, .composed: 0
        case .prelu(let index):
            graph.parameters[index].tensor.floats.map(Double.init).max { abs($0 - 1) < abs($1 - 1) } ?? 0
        }
    }
}

extension Activation {
    /// True when it is the identity for some slope; other activations are linear on neither side.
    var hasSlope: Bool {
        switch self {
        case .prelu, .unary(.relu), .unary(.leakyRelu): true
        case .unary, .composed: false
        }
    }
}
