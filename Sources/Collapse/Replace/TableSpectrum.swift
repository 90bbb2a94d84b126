import Compute
import Model

/// The directions in which the entries of a table differ, each entry counted as often as it is read, and half a time more.
struct TableSpectrum {
    /// `[entries, features]`
    private let table: Tensor
    private let mean: [Double]
    private let covariance: Matrix
    /// The eigenvectors of the covariance as columns, the largest first.
    private let vectors: Matrix

    /// The variance of an entry, summed over the features.
    var variance: Double { (0..<covariance.rows).reduce(0) { $0 + covariance[$1, $1] } }

    /// The count of an entry that is never read: a table without data still has a best rank.
    private static let smoothing = 0.5

    /// - Parameters:
    ///   - table: a table of the graph.
    ///   - graph: the network.
    ///   - samples: its samples, whose indices are counted.
    /// - Throws: ``ModelError``.
    init(_ table: EmbeddingTable, in graph: Graph, on samples: Dataset) throws(ModelError) {
        let counts = try EntryCounts(table, in: graph, on: samples).counts
        self.table = graph.parameters[table.weight].tensor
        let (entries, features) = (table.entries, table.features)
        let total = counts.reduce(0) { $0 + Double($1) } + Self.smoothing * Double(entries)
        let weights = counts.map { (Double($0) + Self.smoothing) / total }
        var mean = [Double](repeating: 0, count: features)
        let values = self.table.floats
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
        let shape = self.table.shape
        (covariance, vectors) = try computing {
            var covariance = Matrix(rows: features, columns: features)
            try covariance.accumulateGram(of: Tensor(scaled, shape))
            return (covariance, try covariance.largestEigenvectors(features))
        }
        self.mean = mean
    }

    /// The table of a rank, and the layer behind it.
    ///
    /// - Parameter rank: the rank.
    /// - Returns: the rows `[entries, rank]`, the weight `[features, rank]`, the offset `[features]`, and the mean square
    ///   error of an entry, summed over the features.
    /// - Throws: an error when there is no memory.
    func truncated(to rank: Int) throws -> (rows: Tensor, up: Tensor, offset: Tensor, lost: Double) {
        let vectors = vectors.selecting(Array(0..<vectors.rows), Array(0..<rank))
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
