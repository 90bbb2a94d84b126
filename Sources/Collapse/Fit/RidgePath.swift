import Compute
import Model

/// The way of the ridge: each point is fitted and measured when it is first asked for.
///
/// One sweep makes a point. The network as it is now and the original go from block to block side by side, so that every
/// block is fitted behind the changed ones and nothing is run from the start again.
struct RidgePath: CollapsePath {
    /// A way of so few points is drawn in full; on a longer one only those are computed that decide.
    static let shortLength = 4

    let parameterCounts: [Int]
    private let original: Graph
    private let samples: Samples
    private let heldOut: HeldOut
    /// Activations, in the order in which they go.
    private let order: [String]
    /// Fits by the activations replaced before a block in graph order, and its own.
    private var fits: [[String]: BlockFit]
    private var known: [Int: ParetoPoint] = [:]
    private let tell: (CollapseEvent) -> Void

    /// - Parameters:
    ///   - original: the network.
    ///   - order: the activations of the blocks that may go, in the order in which they go.
    ///   - alone: the fit of each of them in the untouched network.
    ///   - samples: to fit on.
    ///   - heldOut: what points are measured on.
    ///   - tell: hears of each new point.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    init(
        _ original: Graph, order: [String], alone: [String: BlockFit], samples: Samples, heldOut: HeldOut,
        tell: @escaping (CollapseEvent) -> Void
    ) throws(ModelError) {
        (self.original, self.order, self.samples, self.heldOut, self.tell) = (original, order, samples, heldOut, tell)
        fits = [:]
        for (activation, fit) in alone { fits[[activation]] = fit }
        parameterCounts = try original.parameterCounts(withoutFirst: order)
    }

    var points: [ParetoPoint] { known.sorted { $0.key < $1.key }.map(\.value) }

    mutating func point(at index: Int) throws(ModelError) -> ParetoPoint {
        if let point = known[index] { return point }
        let point = try sweep(Array(order.prefix(index + 1)))
        known[index] = point
        tell(.point(point))
        // Halving asks for as many points as the count has digits.
        let expected = order.count <= Self.shortLength ? order.count : Int.bitWidth - order.count.leadingZeroBitCount
        tell(.progress(done: expected + min(known.count, expected), of: 2 * expected))
        return point
    }

    /// Replaces the accepted blocks in graph order.
    private mutating func sweep(_ accepted: [String]) throws(ModelError) -> ParetoPoint {
        let moments = BlockMoments(original: original)
        var graph = original
        var now = PartialForward(original, [samples.calibration, samples.search])
        var before: PartialForward?
        var history: [String] = []
        while let candidate = Candidates(in: graph).found.first(where: {
            accepted.contains(graph[$0.activationValue].name)
        }) {
            let activation = graph[candidate.activationValue].name
            history.append(activation)
            // Nothing is fitted any more: only the samples that measure go on.
            if history.count == accepted.count, fits[history] != nil { now.dropFirstSamples() }
            if let place = now.rest.candidate(activation)?.nodes.first { try now.advance(to: place) }
            guard let ahead = now.rest.candidate(activation) else {
                throw .rewrite(value: activation, reason: "it is not what it was in the rest of the network")
            }
            var wanted = before ?? now
            let block: BlockFit
            if let fitted = fits[history] {
                block = fitted
            } else {
                let sums = try moments.of(ahead, in: now, behind: &wanted)
                block = try BlockFit(ahead, in: now.rest, fit: sums[0], heldOut: sums[1])
                fits[history] = block
                if history.count == accepted.count { now.dropFirstSamples() }
            }
            before = wanted
            try now.replace(block.rewrite(ahead))
            graph = try graph.replacing(block.rewrite(candidate))
        }
        let result = try heldOut.measured(now.rest, on: now.samples.last)
        return ParetoPoint(graph, collapsed: accepted, result)
    }
}

extension Graph {
    /// After each of the blocks, one more at a time.
    fileprivate func parameterCounts(withoutFirst order: [String]) throws(ModelError) -> [Int] {
        var (graph, counts) = (self, [Int]())
        for activation in order {
            if let candidate = graph.candidate(activation) { graph = try graph.replacing(candidate.placeholder()) }
            counts.append(graph.parameterCount)
        }
        return counts
    }
}

extension Candidate {
    /// A layer of zeros, whose pages are never touched.
    fileprivate func placeholder() throws(ModelError) -> Rewrite {
        do {
            return rewrite(weight: try Tensor(zeros: Shape([out, inFeatures])), bias: try Tensor(zeros: Shape([out])))
        } catch {
            throw .compute(ComputeError(error))
        }
    }
}
