import Compute
import Model
import Testing

@testable import Collapse

/// Covariances of `d` features and `h` channels with targets that depend on all of them, on 400 samples.
private func covariances(_ d: Int, _ h: Int, outputs: Int = 3, seed: UInt64 = 3) throws -> Covariances {
    var random = SeededRandom(seed: seed)
    let mix = (0..<((d + h) * (d + h))).map { _ in Float.random(in: -1...1, using: &random) }
    let weights = (0..<((d + h) * outputs)).map { _ in Float.random(in: -1...1, using: &random) }
    var (x, y): ([Float], [Float]) = ([], [])
    for _ in 0..<400 {
        let source = (0..<(d + h)).map { _ in Float.random(in: -1...1, using: &random) }
        let row = (0..<(d + h)).map { column in
            1 + (0..<(d + h)).reduce(Float(0)) { $0 + source[$1] * mix[$1 * (d + h) + column] }
        }
        x += row
        y += (0..<outputs).map { output in
            (0..<(d + h)).reduce(Float.random(in: -0.1...0.1, using: &random)) {
                $0 + row[$1] * weights[$1 * outputs + output]
            }
        }
    }
    var moments = Moments(inputs: d + h, outputs: outputs)
    try moments.add(Tensor(x, Shape([400, d + h])), Tensor(y, Shape([400, outputs])))
    return Covariances(moments, linearCount: d)
}

@Suite struct ReplacementFitTests {
    /// The square error and the penalty of the best map of some channels beside all linear features, by the normal equations.
    private static func objective(_ c: Covariances, _ prior: Matrix, keeping channels: [Int], linear: Bool) throws
        -> Double
    {
        let d = c.linearCount
        let own = channels.map { d + $0 }
        let indices = (linear ? Array(0..<d) : []) + own
        guard !indices.isEmpty else { return c.targetVariance }
        var system = c.features.selecting(indices, indices)
        let penalties = c.penalties(1e-3, on: indices)
        system.addDiagonal(penalties)
        var right = c.targets.selecting(indices)
        let zeros = linear ? d : 0
        for (row, channel) in channels.enumerated() {
            for column in 0..<right.columns {
                right[zeros + row, column] += penalties[zeros + row] * prior[channel, column]
            }
        }
        let map = try system.choleskySolve(right)
        // The minimum of the quadratic is its constant less b' A^-1 b.
        var value = c.targetVariance
        for index in map.values.indices { value -= map.values[index] * right.values[index] }
        return value
    }

    @Test(arguments: [false, true])
    func `each removed channel is the one that the fit misses least`(linear: Bool) throws {
        let c = try covariances(3, 7)
        let prior = Matrix(rows: 7, columns: 3)
        let order = try ChannelOrder(c, prior: prior, besideLinearPath: linear)
        #expect(order.channels.sorted() == Array(0..<7))
        for count in 1..<7 {
            let kept = order.best(count)
            let removed = try #require(order.best(count + 1).first { !kept.contains($0) })
            let now = try Self.objective(c, prior, keeping: kept, linear: linear)
            for other in order.best(count + 1) where other != removed {
                let without = order.best(count + 1).filter { $0 != other }
                #expect(now <= (try Self.objective(c, prior, keeping: without, linear: linear)) + 1e-9)
            }
        }
    }

    @Test func `a fit solves the normal equations around its prior`() throws {
        let (c, held) = (try covariances(3, 4), try covariances(3, 4, seed: 8))
        let indices = [0, 1, 2, 4, 6]
        let prior = Matrix(rows: 5, columns: 3, values: (0..<15).map { Double($0) / 10 })
        let fit = try SiteFit(c, heldOut: held, prior: prior, reading: indices)
        // (H + D) (B - B0) = C - H B0
        var left = c.features.selecting(indices, indices)
        var gap = c.targets.selecting(indices)
        gap.subtractProduct(left, prior)
        left.addDiagonal(c.penalties(fit.strength, on: indices))
        var change = fit.map
        change.subtract(prior)
        expectClose(left.multiplied(by: change).values, gap.values, within: 1e-9)
        for column in 0..<3 {
            let mean = indices.enumerated().reduce(fit.offset[column]) {
                $0 + fit.map[$1.offset, column] * c.featureMeans[$1.element]
            }
            expectClose([mean], [c.targetMeans[column]], within: 1e-9)
        }
    }

    @Test func `a product of low rank loses what the least eigenvalues hold`() throws {
        let c = try covariances(5, 0)
        let linear = Array(0..<5)
        let covariance = c.features.selecting(linear, linear)
        let map = Matrix(rows: 4, columns: 5, values: (0..<20).map { Double(($0 * 7) % 11) - 5 })
        let outputs = map.multiplied(by: covariance).multiplied(by: map.transposed())
        let vectors = try outputs.largestEigenvectors(4)
        let product = vectors.transposed().multiplied(by: outputs).multiplied(by: vectors)
        let values = (0..<4).map { product[$0, $0] }
        #expect(values == values.sorted(by: >))
        for rank in 1...4 {
            let (down, up) = try map.truncated(to: rank, inNormOf: covariance)
            #expect((down.rows, down.columns, up.rows, up.columns) == (rank, 5, 4, rank))
            var gap = up.multiplied(by: down)
            gap.subtract(map)
            let lost = gap.multiplied(by: covariance).multiplied(by: gap.transposed())
            let trace = (0..<4).reduce(0) { $0 + lost[$1, $1] }
            expectClose([trace], [values.dropFirst(rank).reduce(0, +)], within: 1e-6)
        }
    }

    @Test func `eigenvectors are mapped to multiples of themselves`() throws {
        let matrix = Matrix(rows: 3, columns: 3, values: [4, 1, 0, 1, 3, 1, 0, 1, 2])
        let vectors = try matrix.largestEigenvectors(3)
        let mapped = matrix.multiplied(by: vectors)
        // numpy.linalg.eigvalsh
        for (column, value) in [4.732050807568877, 3.0, 1.2679491924311228].enumerated() {
            for row in 0..<3 { expectClose([mapped[row, column]], [value * vectors[row, column]], within: 1e-12) }
        }
    }
}
