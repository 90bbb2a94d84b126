import Compute
import Model

/// The hidden channels of a block by how much a ridge fit of its output needs them, the most needed first.
///
/// Backward elimination by the optimal-brain-surgeon rule: with `S` the covariance of the channels (what the linear path
/// leaves of it, if there is one) and `W = S^-1 C` the fit, the channel `j` of least `|W_j|^2 / (S^-1)_jj` is removed, and
/// `W` and `S^-1` are updated by the rank that goes. One elimination gives the best channels of every number.
///
/// - SeeAlso: Hassibi, Stork: Second order derivatives for network pruning, NIPS 1992
struct ChannelOrder {
    /// All channels, the most needed first.
    let channels: [Int]

    /// The penalty relative to the mean variance of the channels.
    private static let strength = 1e-3
    /// A block of more channels loses several at a time.
    private static let channelsPerStep = 192

    init(channels: [Int]) { self.channels = channels }

    /// Orders the channels.
    ///
    /// - Parameters:
    ///   - covariances: of the features with the targets.
    ///   - prior: the second layer, `[channels, outputs]`, which the fit is pulled towards.
    ///   - besideLinearPath: whether a linear path stands beside the channels.
    /// - Throws: ``ComputeError/singular(column:)``.
    init(_ covariances: Covariances, prior: Matrix, besideLinearPath: Bool) throws(ComputeError) {
        let (d, h) = (covariances.linearCount, covariances.channelCount)
        let hidden = Array(d..<(d + h))
        var (square, cross) = (covariances.features.selecting(hidden, hidden), covariances.targets.selecting(hidden))
        if besideLinearPath, d > 0 {
            let linear = Array(0..<d)
            var system = covariances.features.selecting(linear, linear)
            system.addDiagonal(covariances.penalties(Self.strength, on: linear))
            let mixed = covariances.features.selecting(linear, hidden)
            let solved = try system.choleskySolve(mixed)
            square.subtractProduct(mixed.transposed(), solved)
            cross.subtractProduct(solved.transposed(), covariances.targets.selecting(linear))
        }
        let penalty = Self.strength * covariances.units.channels
        square.addDiagonal([Double](repeating: penalty, count: h))
        for index in cross.values.indices { cross.values[index] += penalty * prior.values[index] }
        var inverse = try square.choleskyInverse()
        var weights = inverse.multiplied(by: cross)

        var left = Array(0..<h)
        var removed: [Int] = []
        let step = max(1, h / Self.channelsPerStep)
        while true {
            let scores = left.indices.map { row in weights.squaredNorm(ofRow: row) / max(inverse[row, row], 1e-300) }
            let least = left.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }.prefix(step)
            removed += least.map { left[$0] }
            if left.count <= step { break }
            let gone = Set(least)
            let kept = left.indices.filter { !gone.contains($0) }
            let columns = inverse.selecting(kept, Array(least))
            let factor = try inverse.selecting(Array(least), Array(least)).choleskySolve(columns.transposed())
                .transposed()
            let lost = weights.selecting(Array(least))
            weights = weights.selecting(kept)
            weights.subtractProduct(factor, lost)
            inverse = inverse.selecting(kept, kept)
            inverse.subtractProduct(factor, columns.transposed())
            left = kept.map { left[$0] }
        }
        channels = removed.reversed()
    }

    /// The best channels of a number, ascending.
    func best(_ count: Int) -> [Int] { channels.prefix(count).sorted() }
}

extension Matrix {
    fileprivate func squaredNorm(ofRow row: Int) -> Double {
        values[(row * columns)..<((row + 1) * columns)].reduce(0) { $0 + $1 * $1 }
    }
}
