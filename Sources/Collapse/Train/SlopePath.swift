import Model
import Options

/// The points of the paper's method: each is the original with the slopes of its blocks trained, and those merged that
/// reach 1. A point is trained and measured on first access.
struct SlopePath: CollapsePath {
    let parameterCounts: [Int]
    private let training: SlopeTraining
    private let merging: SlopeMerge
    private let options: JobOptions
    /// The blocks in the order in which they are chosen, as they are before any training.
    private let order: [LayerOutcome]
    private var known: [Int: ParetoPoint] = [:]
    /// The networks after one training, after two, and so on, where one block is trained after another.
    private var successive: [Graph] = []

    /// Creates a path without points.
    ///
    /// - Parameters:
    ///   - training: the training of slopes.
    ///   - heldOut: the samples to measure points on.
    ///   - layers: all candidates; receive the scores by which they are ordered.
    /// - Throws: ``ModelError``.
    init(_ training: SlopeTraining, heldOut: HeldOut, _ layers: inout [LayerOutcome]) throws(ModelError) {
        (self.training, options) = (training, training.options)
        merging = SlopeMerge(original: training.original, heldOut: heldOut, emit: training.emit)
        let blocks = try Self.order(training, heldOut, &layers)
        order = blocks.compactMap { layers.place(of: $0) }.map { layers[$0] }
        parameterCounts = try training.original.parameterCounts(withoutFirst: blocks)
    }

    var points: [ParetoPoint] { known.sorted { $0.key < $1.key }.map(\.value) }

    mutating func point(at index: Int) throws(ModelError) -> ParetoPoint {
        if let point = known[index] { return point }
        var layers = Array(order.prefix(index + 1))
        let trained = try trained(layers.map(\.block))
        training.emit(.phase(.search))
        let bounds = try training.bounds(of: layers.map(\.block), in: trained)
        for place in layers.indices { layers[place].bound = bounds[layers[place].block] }
        var point = try merging.point(trained, &layers, threshold: options.threshold)
        point.trained = layers
        known[index] = point
        training.emit(.point(point))
        return point
    }

    /// The network with the slopes of blocks trained, all others as they were.
    private mutating func trained(_ blocks: [BlockID]) throws(ModelError) -> Graph {
        switch options.order {
        case .measured: return try training.run(training.original, blocks, as: "slopes-\(blocks.count)")
        case .fromEnd:
            while successive.count < blocks.count {
                let done = successive.count
                successive.append(
                    try training.run(
                        successive.last ?? training.original, [blocks[done]], after: Array(blocks.prefix(done)),
                        as: "slopes-\(done + 1)"))
            }
            return successive[blocks.count - 1]
        }
    }

    /// The open blocks in the order in which they are chosen. Without a budget all are, and nothing is measured.
    private static func order(
        _ training: SlopeTraining, _ heldOut: HeldOut, _ layers: inout [LayerOutcome]
    ) throws(ModelError) -> [BlockID] {
        let options = training.options
        let blocks = layers.filter { $0.reason == nil }.map(\.block)
        switch options.order {
        case .fromEnd: return blocks.reversed()
        case .measured where !options.hasBudget: return blocks
        case .measured:
            let search = RidgeSearch(
                original: training.original, samples: training.samples, heldOut: heldOut, options: options,
                emit: training.emit)
            let scores = try search.scored(&layers).enumerated().map { ($1.measurement.damage, $0, $1.block) }
            return scores.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
        }
    }
}
