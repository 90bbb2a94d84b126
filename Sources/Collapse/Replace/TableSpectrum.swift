import Compute

/// The covariance of the entries of a table, each counted as often as it is read, and half a time more.
struct TableSpectrum {
    private let mean: [Double]
    private let covariance: Matrix
    private let weights: [Double]

    /// The variance of an entry, summed over the features.
    var variance: Double { (0..<covariance.rows).reduce(0) { $0 + covariance[$1, $1] } }

    /// The count of an entry that is never read: a table without data still has a best rank.
    private static let smoothing = 0.5

    /// - Parameters:
    ///   - table: `[entries, features]`
    ///   - counts: the number of times that each entry is read.
    /// - Throws: ``ComputeError/memory(_:)`` when there is no memory.
    init(_ table: Tensor, counts: [Int]) throws {
        let (entries, features) = (table.shape[0], table.shape[1])
        let total = counts.reduce(0) { $0 + Double($1) } + Self.smoothing * Double(entries)
        weights = (0..<entries).map { (Double($0 < counts.count ? counts[$0] : 0) + Self.smoothing) / total }
        var mean = [Double](repeating: 0, count: features)
        let values = table.floats
        for entry in 0..<entries {
            for feature in 0..<features { mean[feature] += weights[entry] * Double(values[entry * features + feature]) }
        }
        // Rows times the root of their weight: their products are the covariance.
        var scaled = values
        for entry in 0..<entries {
            let root = weights[entry].squareRoot()
            for feature in 0..<features {
                scaled[entry * features + feature] = Float(
                    root * (Double(values[entry * features + feature]) - mean[feature]))
            }
        }
        var covariance = Matrix(rows: features, columns: features)
        try covariance.accumulateGram(of: Tensor(scaled, table.shape))
        (self.mean, self.covariance) = (mean, covariance)
    }

    /// The table of a rank, and the layer behind it.
    ///
    /// - Returns: the rows `[entries, rank]`, the weight `[features, rank]`, the offset `[features]`, and the mean square
    ///   error of an entry, summed over the features.
    func truncated(_ table: Tensor, to rank: Int) throws -> (rows: Tensor, up: Tensor, offset: Tensor, lost: Double) {
        let vectors = try covariance.largestEigenvectors(rank)
        let (entries, features) = (table.shape[0], table.shape[1])
        let up = try vectors.tensor()
        let rows = try Tensor(zeros: Shape([entries, rank]))
        let shift = vectors.transposed().multiplied(by: Matrix(rows: features, columns: 1, values: mean.map { -$0 }))
        try Step.matMul(
            table, transposed: false, up, transposed: false,
            bias: try Tensor(shift.values.map(Float.init), Shape([rank])), into: rows
        ).run()
        let kept = vectors.transposed().multiplied(by: covariance).multiplied(by: vectors)
        let lost = (0..<rank).reduce(variance) { $0 - kept[$1, $1] }
        return (rows, up, try Tensor(mean.map(Float.init), Shape([features])), max(0, lost))
    }
}
