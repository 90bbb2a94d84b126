import Compute
import Model

/// Finds which blocks to replace by affine maps, and in which order: each scored alone by what it does to the outputs, then
/// the one with the least damage per parameter saved first.
struct RidgeSearch {
    let original: Graph
    let samples: Samples
    let heldOut: HeldOut
    let options: CompressionOptions
    let tell: (CollapseEvent) -> Void

    /// Alone, a block may move the outputs by so much (KL in nats, or share of the variance) when the user sets no budget.
    static let smallDivergence = 0.1

    /// - Parameter layers: every candidate; gets its scores, and the reason where it is left alone.
    /// - Returns: the points of the way, the smallest damage first.
    /// - Throws: ``ModelError``.
    func path(_ layers: inout [LayerOutcome]) throws(ModelError) -> [ParetoPoint] {
        tell(.phase(.calibrating))
        let candidates = Candidates(in: original).found.filter { candidate in
            layers.place(of: original[candidate.activationValue].name).map { layers[$0].reason == nil } ?? false
        }
        let moments = BlockMoments(original: original)
        let fit = try moments.ofUntouched(candidates, on: samples.calibration)
        let decide = try moments.ofUntouched(candidates, on: samples.search)

        tell(.phase(.search))
        var ranked: [(activation: String, damage: Double, place: Int)] = []
        for (index, candidate) in candidates.enumerated() {
            let activation = original[candidate.activationValue].name
            guard let place = layers.place(of: activation) else { continue }
            let block = try BlockFit(candidate, in: original, fit: fit[index], heldOut: decide[index])
            let alone = try heldOut.comparison(with: original.replacing(block.rewrite(candidate)))
            layers[place].r2 = block.r2
            layers[place].meanSquareError = block.meanSquareError
            layers[place].divergence = alone.divergence
            tell(.progress(done: index + 1, of: 2 * candidates.count))
            let size = alone.rows > 0 ? alone.divergence : alone.disagreement
            if !options.hasBudget, size > Self.smallDivergence {
                let name = alone.rows > 0 ? "the outputs' KL" : "the share of the outputs' variance that is lost"
                layers[place].reason = "alone it moves the network too far: \(name) is \(rounded(size)), over 0.1"
                continue
            }
            ranked.append((activation, alone.divergence / Double(max(1, layers[place].saving)), index))
        }
        switch options.order {
        case .measured: ranked.sort { ($0.damage, $0.place) < ($1.damage, $1.place) }
        case .fromEnd: ranked.sort { $0.place > $1.place }
        }
        return try points(ranked.map(\.activation), &layers)
    }

    /// A point for each block more, the later ones fitted anew behind it.
    private func points(_ order: [String], _ layers: inout [LayerOutcome]) throws(ModelError) -> [ParetoPoint] {
        var known: [[String]: BlockFit] = [:]
        var points: [ParetoPoint] = []
        for count in order.indices.map({ $0 + 1 }) {
            let accepted = Set(order.prefix(count))
            let graph = try replacing(accepted, &known)
            let point = try ParetoPoint(graph, collapsed: Array(order.prefix(count)), heldOut: heldOut)
            points.append(point)
            tell(.point(point))
            tell(.progress(done: order.count + count, of: 2 * order.count))
        }
        return points
    }

    /// Replaces the accepted blocks in graph order.
    ///
    /// - Parameters:
    ///   - accepted: by their activations.
    ///   - known: fits by the activations replaced before a block, and its own.
    /// - Returns: the network with all of them replaced.
    /// - Throws: ``ModelError``.
    private func replacing(_ accepted: Set<String>, _ known: inout [[String]: BlockFit]) throws(ModelError) -> Graph {
        var graph = original
        var history: [String] = []
        let moments = BlockMoments(original: original)
        while let candidate = Candidates(in: graph).found.first(where: {
            accepted.contains(graph[$0.activationValue].name)
        }) {
            history.append(graph[candidate.activationValue].name)
            let block: BlockFit
            if let fitted = known[history] {
                block = fitted
            } else {
                block = try BlockFit(
                    candidate, in: graph, fit: moments.of(candidate, in: graph, on: samples.calibration),
                    heldOut: moments.of(candidate, in: graph, on: samples.search))
                known[history] = block
            }
            graph = try graph.replacing(block.rewrite(candidate))
        }
        return graph
    }
}

/// With three digits that count.
func rounded(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    var (scale, size) = (1.0, abs(value))
    while size < 100, scale < 1e12 { (scale, size) = (scale * 10, size * 10) }
    return "\((value * scale).rounded() / scale)"
}
