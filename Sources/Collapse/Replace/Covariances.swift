import Compute

/// The covariances of a site's features among each other and with its targets.
///
/// The features are those of the linear path, `x [d]`, and the hidden channels `a [h]` behind them.
struct Covariances {
    /// `[d + h, d + h]`
    let features: Matrix
    /// `[d + h, outputs]`
    let targets: Matrix
    let featureMeans: [Double]
    let targetMeans: [Double]
    /// The sum of the variances of all targets.
    let targetVariance: Double
    /// The number of features of the linear path, `d`.
    let linearCount: Int
    /// The number of rows that they are over.
    let count: Int

    /// The rows for each feature below which the strength of a penalty matters.
    private static let plenty = 10

    /// True if the strength of a penalty is to be chosen on other rows.
    var isScarce: Bool { count < Self.plenty * features.rows }

    init(_ moments: Moments, linearCount: Int) {
        (features, targets) = (moments.covarianceXX, moments.covarianceXY)
        (featureMeans, targetMeans) = (moments.meanX, moments.meanY)
        (targetVariance, self.linearCount, count) = (moments.varianceY, linearCount, moments.count)
    }

    var channelCount: Int { features.rows - linearCount }

    /// The mean variances of the linear features and of the channels: the unit of a penalty on each.
    var units: (linear: Double, channels: Double) {
        func mean(_ range: Range<Int>) -> Double {
            let sum = range.reduce(0) { $0 + features[$1, $1] }
            let squares = range.reduce(0) { $0 + featureMeans[$1] * featureMeans[$1] }
            // A constant feature has only the variance that rounding leaves of its square.
            let spread = max(sum, 1e-12 * squares) / Double(max(1, range.count))
            return spread > 0 ? spread : 1
        }
        return (mean(0..<linearCount), mean(linearCount..<features.rows))
    }

    /// The penalties on some features, for a strength relative to the mean variance of their kind.
    func penalties(_ strength: Double, on indices: [Int]) -> [Double] {
        let units = units
        return indices.map { strength * ($0 < linearCount ? units.linear : units.channels) }
    }

    /// The mean square error, summed over the targets, of a map of some features.
    ///
    /// - Parameters:
    ///   - map: `[indices, outputs]`
    ///   - offset: `[outputs]`
    ///   - indices: the features that it reads.
    /// - Returns: the error, not below zero.
    func error(of map: Matrix, _ offset: [Double], reading indices: [Int]) -> Double {
        // tr Cyy - 2 tr(A Cxy) + tr(A Cxx A^T), and the error of the mean: no further pass over the data.
        let (square, cross) = (features.selecting(indices, indices), targets.selecting(indices))
        let product = square.multiplied(by: map)
        var error = targetVariance
        for index in map.values.indices {
            error += map.values[index] * (product.values[index] - 2 * cross.values[index])
        }
        for column in offset.indices {
            var gap = targetMeans[column] - offset[column]
            for (row, feature) in indices.enumerated() { gap -= map[row, column] * featureMeans[feature] }
            error += gap * gap
        }
        return max(0, error)
    }
}

extension Matrix {
    /// Some rows, in the given order.
    func selecting(_ rows: [Int]) -> Matrix { selecting(rows, Array(0..<columns)) }

    /// Some rows and columns, in the given order.
    func selecting(_ rows: [Int], _ columns: [Int]) -> Matrix {
        var values = [Double]()
        values.reserveCapacity(rows.count * columns.count)
        for row in rows {
            let start = row * self.columns
            for column in columns { values.append(self.values[start + column]) }
        }
        return Matrix(rows: rows.count, columns: columns.count, values: values)
    }

    mutating func subtract(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns)
        for index in values.indices { values[index] -= other.values[index] }
    }

    mutating func add(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns)
        for index in values.indices { values[index] += other.values[index] }
    }

    mutating func addDiagonal(_ numbers: [Double]) {
        for (index, number) in numbers.enumerated() { self[index, index] += number }
    }
}
