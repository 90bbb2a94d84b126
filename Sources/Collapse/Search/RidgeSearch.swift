import Compute
import Model
import Options

/// Chooses the blocks to replace by affine maps, and their order: each is scored alone by its effect on the outputs,
/// and the least damage per saved parameter comes first.
struct RidgeSearch {
    let original: Graph
    let samples: Samples
    let heldOut: HeldOut
    let options: JobOptions
    /// True when the search is to end with what it has.
    var isFinishing: () -> Bool = { false }
    let emit: (CollapseEvent) -> Void

    private typealias Rank = (block: BlockID, damage: Double, place: Int)

    /// The maximum divergence by one block alone (KL in nats, or share of the variance) when the user sets no budget.
    static let smallDivergence = 0.1

    /// Fits, scores and orders the candidates.
    ///
    /// - Parameter layers: all candidates; receive their scores, and the reason if they are rejected.
    /// - Returns: the path, the smallest damage first.
    /// - Throws: ``ModelError``.
    func path(_ layers: inout [LayerOutcome]) throws(ModelError) -> RidgePath {
        var (ranked, tooFar): ([Rank], [Rank]) = ([], [])
        var alone: [BlockID: BlockFit] = [:]
        for (index, score) in try scored(&layers).enumerated() {
            guard let place = layers.place(of: score.block) else { continue }
            let (block, result) = (score.block, score.measurement)
            alone[block] = score.fit
            let rank: Rank = (block, result.damage / Double(max(1, layers[place].saving)), index)
            let size = result.damage
            if !options.hasBudget, size > Self.smallDivergence {
                let name =
                    result.comparison.damage == size && result.comparison.answers > 0
                    ? "the outputs' KL" : "the share of the outputs' variance that is lost"
                layers[place].reason = "alone it moves the network too far: \(name) is \(rounded(size)), over 0.1"
                tooFar.append(rank)
                continue
            }
            ranked.append(rank)
        }
        // With nothing else to show, the smallest damage is shown.
        if ranked.isEmpty, let least = tooFar.min(by: { $0.damage < $1.damage }) { ranked = [least] }
        switch options.order {
        case .measured: ranked.sort { ($0.damage, $0.place) < ($1.damage, $1.place) }
        case .fromEnd: ranked.sort { $0.place > $1.place }
        }
        var path = try RidgePath(
            original, order: ranked.map(\.block), alone: alone, samples: samples, heldOut: heldOut, emit: emit)
        if ranked.count <= RidgePath.shortLength {
            for index in ranked.indices { _ = try path.point(at: index) }
        }
        return path
    }

    /// The effect of one block alone.
    struct Score {
        let block: BlockID
        let fit: BlockFit
        let measurement: HeldOut.Measurement
    }

    /// Fits each open candidate, and measures the network with it alone.
    ///
    /// - Parameter layers: all candidates; receive their scores.
    /// - Returns: the scores in graph order.
    /// - Throws: ``ModelError``.
    func scored(_ layers: inout [LayerOutcome]) throws(ModelError) -> [Score] {
        emit(.phase(.calibrating))
        let candidates = Candidates(in: original).found.filter { layers.isOpen($0.id) }
        let moments = BlockMoments(original: original)
        let fit = try moments.ofUntouched(candidates, on: samples.calibration)
        let decide = try moments.ofUntouched(candidates, on: samples.search)

        emit(.phase(.search))
        var scores: [Score] = []
        var passage = PartialForward(original, [samples.search])
        for (index, candidate) in candidates.enumerated() {
            guard let place = layers.place(of: candidate.id) else { continue }
            if !scores.isEmpty, isFinishing() { break }
            let block = try BlockFit(candidate, in: original, fit: fit[index], heldOut: decide[index])
            let result = try measured(block, candidate.id, &passage)
            layers[place].r2 = block.r2
            layers[place].meanSquareError = block.meanSquareError
            layers[place].divergence = result.comparison.divergence.value
            scores.append(Score(block: candidate.id, fit: block, measurement: result))
            emit(.progress(done: index + 1, of: 2 * candidates.count))
        }
        return scores
    }

    /// The effect of one block alone on the outputs. The network before it is computed once for all later blocks.
    private func measured(
        _ fit: BlockFit, _ block: BlockID, _ passage: inout PartialForward
    ) throws(ModelError) -> HeldOut.Measurement {
        if let place = Candidates(in: passage.rest)[block]?.start { try passage.advance(to: place) }
        var branch = passage
        if let candidate = Candidates(in: branch.rest)[block] { try branch.replace(fit.rewrites(candidate)) }
        return try heldOut.measured(branch.rest, on: branch.samples[0])
    }
}

/// The number with three significant digits.
func rounded(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    var (scale, size) = (1.0, abs(value))
    while size < 100, scale < 1e12 { (scale, size) = (scale * 10, size * 10) }
    return "\((value * scale).rounded() / scale)"
}
