import Compute
import Testing

@testable import Collapse

@Suite struct MomentsTests {
    @Test func `covariances are numpy's`() throws {
        let data = try Arithmetic.fit()
        var moments = Moments(inputs: 3, outputs: 2)
        try moments.add(data.x, data.y)
        #expect(moments.count == 12)
        #expect((moments.covarianceXX.rows, moments.covarianceXX.columns) == (3, 3))
        #expect((moments.covarianceXY.rows, moments.covarianceXY.columns) == (3, 2))
        // np.cov(x.T, bias=True)
        expectClose(
            moments.covarianceXX.values,
            [
                0.6922743055555555, 0.014322916666666666, -0.03342013888888891,
                0.014322916666666666, 0.6158854166666666, -0.04296874999999998,
                -0.03342013888888891, -0.04296874999999998, 0.5776909722222221,
            ], within: 1e-13)
        // (x - x.mean(0)).T @ (y - y.mean(0)) / 12
        expectClose(
            moments.covarianceXY.values,
            [
                0.3352864583333333, 0.27636718750000006, -0.705078125, 0.6103515625, 0.5748697916666666,
                -0.9033203125,
            ], within: 1e-13)
        // y.var(0).sum()
        expectClose([moments.varianceY], [5.580485026041667], within: 1e-13)
    }

    @Test(arguments: [1, 2, 5, 7, 64, 600])
    func `batches of any size give the same sums`(size: Int) throws {
        let (x, y) = (try random([1300, 4], seed: 1), try random([1300, 3], seed: 2))
        var (whole, parts) = (Moments(inputs: 4, outputs: 3), Moments(inputs: 4, outputs: 3))
        try whole.add(x, y)
        for start in stride(from: 0, to: 1300, by: size) {
            let range = start..<min(start + size, 1300)
            try parts.add(x.rows(range), y.rows(range))
        }
        #expect(parts.count == 1300)
        expectClose(parts.covarianceXX.values, whole.covarianceXX.values, within: 1e-12)
        expectClose(parts.covarianceXY.values, whole.covarianceXY.values, within: 1e-12)
        expectClose([parts.varianceY], [whole.varianceY], within: 1e-12)
    }

    @Test func `as many rows on both sides are needed`() throws {
        var moments = Moments(inputs: 4, outputs: 3)
        let (x, y) = (try random([5, 4], seed: 1), try random([6, 3], seed: 2))
        #expect(throws: ComputeError.self) { try moments.add(x, y) }
    }

    @Test func `covariances keep a millionth of the variance beside means of a thousand standard deviations`() throws {
        let (rows, width) = (2500, 260)
        let noise = try (random([rows, width], seed: 1), random([rows, 2], seed: 2))
        // Float32 rounds a number near 1,000 to 2^-14; the reference takes what the tensors hold.
        let x = noise.0.floats.enumerated().map { $0.element + 500 * Float($0.offset % width % 3 - 1) }
        let y = noise.1.floats.map { $0 + 300 }
        var moments = Moments(inputs: width, outputs: 2)
        try moments.add(Tensor(x, Shape([rows, width])), Tensor(y, Shape([rows, 2])))
        func column(_ values: [Float], _ index: Int, of width: Int) -> [Double] {
            (0..<rows).map { Double(values[$0 * width + index]) }
        }
        func covariance(_ left: [Double], _ right: [Double]) -> Double {
            let means = (left.reduce(0, +) / Double(rows), right.reduce(0, +) / Double(rows))
            return zip(left, right).reduce(0) { $0 + ($1.0 - means.0) * ($1.1 - means.1) } / Double(rows)
        }
        // A variance is about a third.
        for (i, j) in [(0, 0), (0, 1), (1, 2), (130, 257), (259, 259)] {
            let (left, right) = (column(x, i, of: width), column(x, j, of: width))
            #expect(abs(moments.covarianceXX[i, j] - covariance(left, right)) < 3e-7)
            #expect(abs(moments.covarianceXY[i, j % 2] - covariance(left, column(y, j % 2, of: 2))) < 3e-7)
            #expect(abs(moments.meanX[i] - left.reduce(0, +) / Double(rows)) < 1e-8)
        }
        let variances = (0..<2).map { covariance(column(y, $0, of: 2), column(y, $0, of: 2)) }
        #expect(abs(moments.varianceY - variances[0] - variances[1]) < 1e-8)
    }
}
