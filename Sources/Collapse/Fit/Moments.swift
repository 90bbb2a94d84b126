package import Compute

/// Sums over samples that determine the best affine map of `x` to `y`. Batches are added one by one.
///
/// The sums are around a centre: products of numbers with large means would lose their covariance to rounding.
package struct Moments: Sendable {
    package private(set) var count = 0
    /// The large means of the first rows, `[inputs]` and `[outputs]`; zero for the others.
    private var centreX: [Float]
    private var centreY: [Float]
    private var sumX: [Double]
    private var sumY: [Double]
    private var sumXX: Matrix
    private var sumXY: Matrix
    private var sumYY = 0.0

    /// The number of rows copied at once to be centred.
    private static let stripRows = 2048

    package init(inputs: Int, outputs: Int) {
        centreX = [Float](repeating: 0, count: inputs)
        centreY = [Float](repeating: 0, count: outputs)
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
    /// - Throws: ``ComputeError`` unless both have as many rows, or without memory for a copy of some rows.
    package mutating func add(_ x: Tensor, _ y: Tensor) throws(ComputeError) {
        guard x.shape.rank == 2, y.shape.rank == 2, x.shape[0] == y.shape[0] else {
            throw .shape(.mismatch(operation: "moments", x.shape, y.shape))
        }
        let rows = x.shape[0]
        guard rows > 0 else { return }
        if count == 0 { (centreX, centreY) = try (x.largeMeans(), y.largeMeans()) }
        for start in stride(from: 0, to: rows, by: Self.stripRows) {
            let strip = start..<min(start + Self.stripRows, rows)
            let (x, y) = try (x.rows(strip).minus(row: centreX), y.rows(strip).minus(row: centreY))
            try sumXX.accumulateGram(of: x)
            try sumXY.accumulateProduct(x, y)
            try Matrix.accumulateColumnSums(of: x, into: &sumX)
            try Matrix.accumulateColumnSums(of: y, into: &sumY)
            sumYY += try Matrix.sumOfSquares(of: y)
        }
        count += rows
    }

    var meanX: [Double] { zip(centreX, restX).map { Double($0) + $1 } }
    var meanY: [Double] { zip(centreY, restY).map { Double($0) + $1 } }

    /// The covariance of the inputs, `[inputs, inputs]`.
    var covarianceXX: Matrix { centred(sumXX, restX, restX) }
    /// The covariance of inputs and outputs, `[inputs, outputs]`.
    var covarianceXY: Matrix { centred(sumXY, restX, restY) }
    /// The sum of the variances of all outputs.
    var varianceY: Double { sumYY / Double(count) - restY.reduce(0) { $0 + $1 * $1 } }

    /// The distances of the means from the centre.
    private var restX: [Double] { sumX.map { $0 / Double(count) } }
    private var restY: [Double] { sumY.map { $0 / Double(count) } }

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

extension Tensor {
    /// The means of the columns of `[N, columns]` that are beyond two standard deviations; zero for the others, and for
    /// fewer rows than are multiplied in Float32. Numbers within a factor of two of a centre lose nothing when it is
    /// subtracted (Sterbenz), while a small mean costs less than the rounding of a difference.
    fileprivate func largeMeans() throws(ComputeError) -> [Float] {
        let (count, width) = (shape[0], shape[1])
        guard count >= 256 else { return [Float](repeating: 0, count: width) }
        var sums = [Double](repeating: 0, count: width)
        try Matrix.accumulateColumnSums(of: self, into: &sums)
        let means = sums.map { Float($0 / Double(count)) }
        var squares = [Double](repeating: 0, count: width)
        let near = try rows(0..<256).minus(row: means).floats
        for index in near.indices { squares[index % width] += Double(near[index]) * Double(near[index]) }
        return zip(means, squares).map { mean, square in
            Double(mean) * Double(mean) > 4 * square / 256 ? mean : 0
        }
    }
}
