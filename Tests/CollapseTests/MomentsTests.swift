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
}
