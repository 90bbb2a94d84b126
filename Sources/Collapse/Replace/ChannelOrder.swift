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
    /// The rank of the updates that are applied to the whole inverse at once: it is read and written less often.
    private static let pendingLimit = 64

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

        // The channels of the stored rows; those of removed ones stay until a quarter is gone.
        var stored = Array(0..<h)
        var live = Array(0..<h)
        var removed: [Int] = []
        var pending = PendingUpdates(of: inverse)
        let step = max(1, h / Self.channelsPerStep)
        while true {
            let scores = stored.indices.map { weights.squaredNorm(ofRow: $0) / max(pending.diagonal[$0], 1e-300) }
            let least = Array(live.sorted { (scores[$0], $0) < (scores[$1], $1) }.prefix(step))
            removed += least.map { stored[$0] }
            if live.count <= step { break }
            let columns = pending.columns(least, of: inverse)
            let factor = try columns.selecting(least).choleskySolve(columns.transposed()).transposed()
            weights.subtractProduct(factor, weights.selecting(least))
            pending.append(factor, columns)
            let gone = Set(least)
            live.removeAll(where: gone.contains)
            let isSparse = 4 * live.count < 3 * stored.count
            if isSparse || pending.count >= Self.pendingLimit { pending.apply(to: &inverse) }
            if isSparse {
                (weights, inverse) = (weights.selecting(live), inverse.selecting(live, live))
                stored = live.map { stored[$0] }
                live = Array(stored.indices)
                pending = PendingUpdates(of: inverse)
            }
        }
        channels = removed.reversed()
    }

    /// The best channels of a number, ascending.
    func best(_ count: Int) -> [Int] { channels.prefix(count).sorted() }
}

/// Updates `F CT` that are still to be subtracted from a symmetric matrix, with the diagonal that it has then.
private struct PendingUpdates {
    private(set) var diagonal: [Double]
    private var factors: [Matrix] = []
    private var columns: [Matrix] = []
    private(set) var count = 0

    init(of matrix: Matrix) { diagonal = (0..<matrix.rows).map { matrix[$0, $0] } }

    mutating func append(_ factor: Matrix, _ column: Matrix) {
        factors.append(factor)
        columns.append(column)
        count += factor.columns
        for row in diagonal.indices {
            for place in 0..<factor.columns { diagonal[row] -= factor[row, place] * column[row, place] }
        }
    }

    /// Some columns of the matrix with the updates, `[n, indices]`.
    func columns(_ indices: [Int], of matrix: Matrix) -> Matrix {
        // The rows of a symmetric matrix are its columns, and lie together.
        var result = matrix.selecting(indices).transposed()
        for (factor, column) in zip(factors, columns) {
            result.subtractProduct(factor, column.selecting(indices).transposed())
        }
        return result
    }

    mutating func apply(to matrix: inout Matrix) {
        matrix.subtractProduct(factors.besideEachOther, columns.besideEachOther.transposed())
        (factors, columns, count) = ([], [], 0)
    }
}

extension [Matrix] {
    /// The columns of matrices of as many rows, in order.
    fileprivate var besideEachOther: Matrix {
        guard let rows = first?.rows else { return Matrix(rows: 0, columns: 0) }
        var values: [Double] = []
        values.reserveCapacity(reduce(0) { $0 + $1.values.count })
        for row in 0..<rows {
            for matrix in self { values += matrix.values[(row * matrix.columns)..<((row + 1) * matrix.columns)] }
        }
        return Matrix(rows: rows, columns: rows > 0 ? values.count / rows : 0, values: values)
    }
}

extension Matrix {
    fileprivate func squaredNorm(ofRow row: Int) -> Double {
        values[(row * columns)..<((row + 1) * columns)].reduce(0) { $0 + $1 * $1 }
    }
}
