import Compute
import Testing

@testable import Collapse

@Suite struct RidgeFitTests {
    private static func moments(_ data: Arithmetic) throws -> Moments {
        var moments = Moments(inputs: 3, outputs: 2)
        try moments.add(data.x, data.y)
        return moments
    }

    /// Expected: `A = solve(C + r * trace(C) / 3 * eye(3), xy).T;  c = y.mean(0) - A @ x.mean(0)`, and on the held-out
    /// samples `e = ((u @ A.T + c - v)**2).sum(1).mean();  1 - e / v.var(0).sum()`.
    @Test(arguments: [
        (
            1e-6,
            [
                0.5525752933486647, -1.0916779043306373, 0.9458834072912442, 0.3095366030907072, 0.8805406900838251,
                -1.4802704803295554,
            ], [-0.7722140383116113, -0.177936779054678], 5.764425529248843, 0.24274897473369916
        ),
        (
            1e-3,
            [
                0.5520052989368183, -1.0906210760414559, 0.9449018697335588, 0.3093464827629123, 0.8797553757466872,
                -1.4787324126101205,
            ], [-0.7722278096605566, -0.17797362232407285], 5.762706246061192, 0.24297483053666957
        ),
        (
            1.0,
            [
                0.2715856937913844, -0.5536471929430302, 0.46435632993064646, 0.18580661930210177, 0.46319245353197486,
                -0.7271840384075581,
            ], [-0.7778886829154483, -0.20122028294377342], 5.87247750286866, 0.22855459102790143
        ),
    ])
    func `the map, its offset and its error are numpy's`(
        strength: Double, map: [Double], offset: [Double], error: Double, r2: Double
    ) throws {
        let fit = try RidgeFit(
            Self.moments(.fit()), heldOut: Self.moments(.heldOut()), strengths: [strength])
        #expect((fit.map.rows, fit.map.columns) == (3, 2))
        expectClose(fit.map.transposed().values, map, within: 1e-9)
        expectClose(fit.offset, offset, within: 1e-9)
        expectClose([fit.heldOutError, fit.heldOutR2], [error, r2], within: 1e-9)
        let layer = try fit.layer()
        #expect(layer.weight.shape == (try Shape([2, 3])))
        #expect(layer.bias.shape == (try Shape([2])))
        expectClose(layer.weight.floats.map(Double.init), map, within: 1e-6)
    }

    /// The errors from numpy are 5.7627, 5.7477, 5.6393, 5.8725 and 7.4520.
    @Test(arguments: [[1e-3, 1e-2, 1e-1, 1, 10], [10, 1, 1e-1, 1e-2, 1e-3]])
    func `the strength with the least held-out error is taken`(strengths: [Double]) throws {
        let fit = try RidgeFit(Self.moments(.fit()), heldOut: Self.moments(.heldOut()), strengths: strengths)
        #expect(fit.strength == 1e-1)
        expectClose([fit.heldOutError], [5.639292449582326], within: 1e-9)
    }

    @Test func `the held-out error is that of the map on the held-out samples`() throws {
        let heldOut = try Arithmetic.heldOut()
        let fit = try RidgeFit(Self.moments(.fit()), heldOut: Self.moments(heldOut))
        var error = 0.0
        for row in 0..<8 {
            for column in 0..<2 {
                var prediction = fit.offset[column]
                for feature in 0..<3 {
                    prediction += fit.map[feature, column] * Double(heldOut.x.floats[row * 3 + feature])
                }
                error += pow2(prediction - Double(heldOut.y.floats[row * 2 + column])) / 8
            }
        }
        expectClose([fit.heldOutError], [error], within: 1e-12)
    }

    @Test(arguments: [0, 1, 0.1, -1e3, 1e-20] as [Float])
    func `inputs that never change leave the mean`(constant: Float) throws {
        var moments = Moments(inputs: 3, outputs: 1)
        let x = try Tensor([Float](repeating: constant, count: 300), Shape([100, 3]))
        let y = try random([100, 1], seed: 3)
        try moments.add(x, y)
        let fit = try RidgeFit(moments, heldOut: moments)
        let mean = y.floats.reduce(0) { $0 + Double($1) } / 100
        let prediction = (0..<3).reduce(fit.offset[0]) { $0 + fit.map[$1, 0] * Double(constant) }
        expectClose([prediction], [mean], within: 1e-6)
        #expect(abs(fit.heldOutR2) < 1e-6)
    }

    @Test func `what rounding leaves of constants' variance is no variance`() throws {
        // In about one of a hundred of such sums it is negative, which no relative penalty corrects.
        var random = SeededRandom(seed: 0)
        for _ in 0..<300 {
            let (count, width) = (Int.random(in: 2..<400, using: &random), Int.random(in: 1..<5, using: &random))
            let row = (0..<width).map { _ in Float(Int.random(in: -200...200, using: &random)) / 10 }
            let x = try Tensor((0..<count).flatMap { _ in row }, Shape([count, width]))
            let y = try Tensor((0..<count).map { Float($0 % 2) }, Shape([count, 1]))
            var moments = Moments(inputs: width, outputs: 1)
            try moments.add(x, y)
            let fit = try RidgeFit(moments, heldOut: moments)
            let prediction = zip(fit.map.values, row).reduce(fit.offset[0]) { $0 + $1.0 * Double($1.1) }
            expectClose([prediction], [Double(count / 2) / Double(count)], within: 1e-6)
        }
    }

    @Test func `outputs that never change are explained`() throws {
        var moments = Moments(inputs: 2, outputs: 1)
        try moments.add(random([100, 2], seed: 1), Tensor([Float](repeating: 0.1, count: 100), Shape([100, 1])))
        let fit = try RidgeFit(moments, heldOut: moments)
        expectClose(fit.map.values + fit.offset, [0, 0, Double(Float(0.1))], within: 1e-9)
        #expect(fit.heldOutError < 1e-12)
    }

    @Test func `more features than samples have an answer`() throws {
        var (moments, other) = (Moments(inputs: 50, outputs: 2), Moments(inputs: 50, outputs: 2))
        let (x, y) = (try random([10, 50], seed: 1), try random([10, 2], seed: 2))
        try moments.add(x, y)
        try other.add(random([10, 50], seed: 3), random([10, 2], seed: 4))
        let fit = try RidgeFit(moments, heldOut: other)
        #expect(fit.map.values.allSatisfy { $0.isFinite })
        // Ten points in fifty dimensions: the fit with the weakest penalty passes through all of them.
        let exact = try RidgeFit(moments, heldOut: moments)
        #expect(exact.strength == 1e-6)
        #expect(exact.heldOutR2 > 0.999)
    }
}
