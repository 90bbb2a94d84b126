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
    ///   - graph: the network.
    ///   - layers: all candidates; receive their slope, and the reason if they are rejected.
    ///   - threshold: the distance from 1 below which a slope is accepted.
    ///   - limit: the maximum number of merges, of the slopes nearest to 1.
    /// - Returns: a point for each merge, the cheapest product first.
    /// - Throws: ``ModelError``.
    func path(
        _ graph: Graph, _ layers: inout [LayerOutcome], threshold: Double, limit: Int
    ) throws(ModelError) -> [ParetoPoint] {
        let accepted = accepted(graph, &layers, threshold: threshold)
        for refused in accepted.dropFirst(limit) {
            guard let place = layers.place(of: refused) else { continue }
            layers[place].reason = "max_layers is \(limit)"
        }
        var (graph, points, collapsed) = (graph, [ParetoPoint](), [BlockID]())
        while let next = try step(&graph, accepted.prefix(limit)) {
            collapsed.append(next)
            let point = try ParetoPoint(graph, collapsed: collapsed, heldOut: heldOut)
            points.append(point)
            emit(.point(point))
            emit(.progress(done: collapsed.count, of: min(accepted.count, limit)))
        }
        return points
    }

    /// Merges all blocks of a network whose slope is accepted.
    ///
    /// - Parameters:
    ///   - graph: the network, with trained slopes.
    ///   - layers: the candidates to merge; receive their slope, and the reason if they are rejected.
    ///   - threshold: the distance from 1 below which a slope is accepted.
    /// - Returns: the network after all merges; with none it is `graph`.
    /// - Throws: ``ModelError``.
    func point(
        _ graph: Graph, _ layers: inout [LayerOutcome], threshold: Double
    ) throws(ModelError) -> ParetoPoint {
        let accepted = accepted(graph, &layers, threshold: threshold)
        var graph = graph
        while try step(&graph, accepted[...]) != nil {}
        let collapsed = layers.map(\.block).filter(accepted.contains)
        return try ParetoPoint(graph, collapsed: collapsed, heldOut: heldOut)
    }

    /// The blocks whose slope is accepted, the nearest to 1 first.
    private func accepted(_ graph: Graph, _ layers: inout [LayerOutcome], threshold: Double) -> [BlockID] {
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
        return accepted.sorted { $0.gap < $1.gap }.map(\.block)
    }

    /// Merges the accepted block of the cheapest product.
    ///
    /// - Returns: the block; nil when none is left.
    private func step(_ graph: inout Graph, _ accepted: ArraySlice<BlockID>) throws(ModelError) -> BlockID? {
        let left = Candidates(in: graph).found.filter { accepted.contains($0.id) }
        guard let candidate = left.min(by: { $0.productCost < $1.productCost }) else { return nil }
        graph = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        return candidate.id
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
