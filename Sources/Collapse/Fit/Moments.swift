package import Compute

/// Sums over samples that determine the best affine map of `x` to `y`. Batches are added one by one.
package struct Moments: Sendable {
    package private(set) var count = 0
    private var sumX: [Double]
    private var sumY: [Double]
    private var sumXX: Matrix
    private var sumXY: Matrix
    private var sumYY = 0.0

    package init(inputs: Int, outputs: Int) {
        sumX = [Double](repeating: 0, count: inputs)
        sumY = [Double](repeating: 0, count: outputs)
        sumXX = Matrix(rows: inputs, columns: inputs)
        sumXY = Matrix(rows: inputs, columns: outputs)
    }

    /// Adds a batch of rows.
    ///
    /// - Parameters:
    ///   - x: `[N, inputs]`
    ///   - y: `[N, outputs]`
    /// - Throws: ``ComputeError`` unless both have as many rows.
    package mutating func add(_ x: Tensor, _ y: Tensor) throws(ComputeError) {
        try sumXX.accumulateGram(of: x)
        try sumXY.accumulateProduct(x, y)
        try Matrix.accumulateColumnSums(of: x, into: &sumX)
        try Matrix.accumulateColumnSums(of: y, into: &sumY)
        sumYY += try Matrix.sumOfSquares(of: y)
        count += x.shape[0]
    }

    var meanX: [Double] { sumX.map { $0 / Double(count) } }
    var meanY: [Double] { sumY.map { $0 / Double(count) } }

    /// The covariance of the inputs, `[inputs, inputs]`.
    var covarianceXX: Matrix { centred(sumXX, meanX, meanX) }
    /// The covariance of inputs and outputs, `[inputs, outputs]`.
    var covarianceXY: Matrix { centred(sumXY, meanX, meanY) }
    /// The sum of the variances of all outputs.
    var varianceY: Double { sumYY / Double(count) - meanY.reduce(0) { $0 + $1 * $1 } }

    private func centred(_ sum: Matrix, _ left: [Double], _ right: [Double]) -> Matrix {
        var result = sum
        for row in 0..<sum.rows {
            for column in 0..<sum.columns {
                result[row, column] = sum[row, column] / Double(count) - left[row] * right[column]
            }
        }
        return result
    }
}
