import Compute
import Model

/// The points of the ridge method, each fitted and measured on first access.
///
/// One sweep computes a point. The current network and the original advance from block to block together, so that every
/// block is fitted behind the replaced ones and nothing is computed twice.
struct RidgePath: CollapsePath {
    /// The maximum length of a path that is computed in full; on a longer one only the deciding points are computed.
    static let shortLength = 4

    let parameterCounts: [Int]
    private let original: Graph
    private let samples: Samples
    private let heldOut: HeldOut
    /// The blocks in order of removal.
    private let order: [BlockID]
    /// The fits, by the blocks replaced before one in graph order, and itself.
    private var fits: [[BlockID]: BlockFit]
    private var known: [Int: ParetoPoint] = [:]
    private let emit: (CollapseEvent) -> Void

    /// Creates a path without points.
    ///
    /// - Parameters:
    ///   - original: the network.
    ///   - order: the blocks that may be collapsed, in order of removal.
    ///   - alone: the fit of each of them in the original network.
    ///   - samples: the samples to fit on.
    ///   - heldOut: the samples to measure points on.
    ///   - emit: receives each new point.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    init(
        _ original: Graph, order: [BlockID], alone: [BlockID: BlockFit], samples: Samples, heldOut: HeldOut,
        emit: @escaping (CollapseEvent) -> Void
    ) throws(ModelError) {
        (self.original, self.order, self.samples, self.heldOut, self.emit) = (original, order, samples, heldOut, emit)
        fits = [:]
        for (block, fit) in alone { fits[[block]] = fit }
        parameterCounts = try original.parameterCounts(withoutFirst: order)
    }

    var points: [ParetoPoint] { known.sorted { $0.key < $1.key }.map(\.value) }

    mutating func point(at index: Int) throws(ModelError) -> ParetoPoint {
        if let point = known[index] { return point }
        let point = try sweep(Array(order.prefix(index + 1)))
        known[index] = point
        emit(.point(point))
        // Bisection computes as many points as the count has binary digits.
        let expected = order.count <= Self.shortLength ? order.count : Int.bitWidth - order.count.leadingZeroBitCount
        emit(.progress(done: expected + min(known.count, expected), of: 2 * expected))
        return point
    }

    /// Computes a point by replacing the accepted blocks in graph order.
    private mutating func sweep(_ accepted: [BlockID]) throws(ModelError) -> ParetoPoint {
        let moments = BlockMoments(original: original)
        var graph = original
        var now = PartialForward(original, [samples.calibration, samples.search])
        var before: PartialForward?
        var history: [BlockID] = []
        while let candidate = Candidates(in: graph).found.first(where: { accepted.contains($0.id) }) {
            history.append(candidate.id)
            // No fit is left: only the measuring samples are still needed.
            if history.count == accepted.count, fits[history] != nil { now.dropFirstSamples() }
            if let place = Candidates(in: now.rest)[candidate.id]?.start { try now.advance(to: place) }
            guard let ahead = Candidates(in: now.rest)[candidate.id] else {
                throw .rewrite(value: candidate.name, reason: "it is not what it was in the rest of the network")
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
            try now.replace(block.rewrites(ahead))
            graph = try graph.replacing(block.rewrites(candidate))
        }
        let result = try heldOut.measured(now.rest, on: now.samples.last)
        return ParetoPoint(graph, collapsed: accepted, result)
    }
}

extension Graph {
    /// The parameter counts after the first replacement, the first two, and so on.
    func parameterCounts(withoutFirst order: [BlockID]) throws(ModelError) -> [Int] {
        var (graph, counts) = (self, [Int]())
        for block in order {
            if let candidate = Candidates(in: graph)[block] { graph = try graph.replacing(candidate.placeholder()) }
            counts.append(graph.parameterCount)
        }
        return counts
    }
}

extension Candidate {
    /// A replacement by zeros, to count parameters and memory; its memory pages are never touched.
    func placeholder() throws(ModelError) -> [Rewrite] {
        return try computing {
            return rewrites(weight: try Tensor(zeros: Shape([out, inFeatures])), bias: try Tensor(zeros: Shape([out])))
        }
    }
}
