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

    /// The solution of `(H + D) B = C + D B0` over some features.
    private static func solution(
        _ c: Covariances, _ prior: Matrix, reading indices: [Int], strength: Double
    ) throws -> Matrix {
        var system = c.features.selecting(indices, indices)
        let penalties = c.penalties(strength, on: indices)
        system.addDiagonal(penalties)
        var right = c.targets.selecting(indices)
        for row in 0..<right.rows {
            for column in 0..<right.columns { right[row, column] += penalties[row] * prior[row, column] }
        }
        return try system.choleskySolve(right)
    }

    @Test(arguments: [0, 2, 4], [false, true])
    func `each number of channels solves the normal equations around its prior`(
        count: Int, besideLinearPath: Bool
    ) throws {
        guard count > 0 || besideLinearPath else { return }
        let (c, held) = (try covariances(3, 4), try covariances(3, 4, seed: 8))
        let order = [2, 0, 3, 1]
        let prior = Matrix(rows: 4, columns: 3, values: (0..<12).map { Double($0) / 10 })
        let linearPrior = Matrix(rows: 3, columns: 3, values: (0..<9).map { Double($0) / 7 })
        var solver = try SiteSolver(c, heldOut: held, channels: order, prior: prior, linearPrior: linearPrior)
        let fit = try solver.fit(keeping: count, beside: besideLinearPath ? .full : .none)
        let indices = (besideLinearPath ? [0, 1, 2] : []) + order.prefix(count).map { 3 + $0 }
        var whole = fit.channels
        var wholePrior = Matrix(rows: count, columns: 3, values: Array(prior.values.prefix(count * 3)))
        if case .full(let linear) = fit.path {
            whole = Matrix(rows: 3 + count, columns: 3, values: linear.values + whole.values)
            wholePrior = Matrix(rows: 3 + count, columns: 3, values: linearPrior.values + wholePrior.values)
        }
        let wanted = try Self.solution(c, wholePrior, reading: indices, strength: fit.strength)
        expectClose(whole.values, wanted.values, within: 1e-8)
        for column in 0..<3 {
            let mean = indices.enumerated().reduce(fit.offset[column]) {
                $0 + whole[$1.offset, column] * c.featureMeans[$1.element]
            }
            expectClose([mean], [c.targetMeans[column]], within: 1e-9)
        }
        expectClose([fit.error], [held.error(of: whole, fit.offset, reading: indices)], within: 1e-9)
        // Of three strengths the one with the least error on the other samples.
        for strength in [1e-4, 1e-3, 1e-2] {
            let other = try Self.solution(c, wholePrior, reading: indices, strength: strength)
            let offset = c.targetMeans.indices.map { column in
                indices.enumerated().reduce(c.targetMeans[column]) {
                    $0 - other[$1.offset, column] * c.featureMeans[$1.element]
                }
            }
            #expect(fit.error <= held.error(of: other, offset, reading: indices) + 1e-9)
        }
    }

    @Test(arguments: [0, 3]) func `a path of low rank loses the least, and channels are fitted around it`(
        count: Int
    ) throws {
        let c = try covariances(5, 4, outputs: 6)
        let prior = Matrix(rows: 4, columns: 6)
        let order = [3, 1, 0, 2]
        let kept = order.prefix(count).map { 5 + $0 }
        var solver = try SiteSolver(c, heldOut: nil, channels: order, prior: prior)
        guard case .full(let linear) = try solver.fit(keeping: count, beside: .full).path else {
            Issue.record("no full path")
            return
        }
        // What the channels leave of the path's features.
        var rest = c.features.selecting(Array(0..<5), Array(0..<5))
        var system = c.features.selecting(kept, kept)
        system.addDiagonal(c.penalties(1e-3, on: kept))
        let mixed = c.features.selecting(kept, Array(0..<5))
        if count > 0 { rest.subtractProduct(mixed.transposed(), try system.choleskySolve(mixed)) }
        let outputs = linear.transposed().multiplied(by: rest).multiplied(by: linear)
        let vectors = try outputs.largestEigenvectors(6)
        let values = vectors.transposed().multiplied(by: outputs).multiplied(by: vectors)
        for rank in 1...5 {
            let fit = try solver.fit(keeping: count, beside: .rank(rank))
            guard case .product(let down, let up) = fit.path else {
                Issue.record("no product")
                return
            }
            #expect((down.rows, down.columns, up.rows, up.columns) == (rank, 5, 6, rank))
            var gap = up.multiplied(by: down)
            gap.subtract(linear.transposed())
            let lost = gap.multiplied(by: rest).multiplied(by: gap.transposed())
            let least = (rank..<6).reduce(0) { $0 + values[$1, $1] }
            expectClose([(0..<6).reduce(0) { $0 + lost[$1, $1] }], [least], within: 1e-6)
            var right = c.targets.selecting(kept)
            right.subtractProduct(mixed, up.multiplied(by: down).transposed())
            let wanted = count > 0 ? try system.choleskySolve(right) : right
            expectClose(fit.channels.values, wanted.values, within: 1e-8)
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
