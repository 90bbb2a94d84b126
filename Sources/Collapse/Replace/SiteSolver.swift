import Compute

/// Solves for the replacements of a site that keep the first channels of an order, for every number of them, from one
/// factorization.
///
/// Each fit minimizes the square error under a penalty `D` on the distance from a prior `B0`, which is the second layer of
/// a block for its channels and the layer itself for a lone layer: `(S + D) B = C + D B0`. With `S + D = L LT` over the
/// channels in their order, the leading part of `L` is the factor of fewer channels; what they leave of the linear path is
/// the Schur complement `S_xx - (L^-1 S_ax)T (L^-1 S_ax)`, whose sums run over leading rows, too.
struct SiteSolver {
    enum Path {
        case none
        case full
        case rank(Int)
    }

    private let covariances: Covariances
    /// The samples that judge the fits; nil for those of the fit.
    private let heldOut: Covariances?
    /// The channels in their order.
    private let channels: [Int]
    private let linearPrior: Matrix?
    private let factors: [Factor]
    /// The full path beside a number of channels, with the directions of its outputs: a product of any rank begins with
    /// them.
    private var known: [Int: (count: Int, linear: Matrix, directions: Matrix)] = [:]

    private struct Factor {
        let strength: Double
        /// `[channels, channels]`, lower triangular.
        let lower: Matrix
        /// `L^-1 (C + D B0)`, `[channels, outputs]`.
        let targets: Matrix
        /// `L^-1 S_ax`, `[channels, d]`.
        let mixed: Matrix
    }

    /// The strengths to choose from.
    private static let strengths = [1e-4, 1e-3, 1e-2]
    /// The strength of a fit that held-out samples do not judge: between 1e-5 and 1e-2 it makes little difference.
    private static let middleStrength = 1e-3

    /// Factorizes the systems.
    ///
    /// - Parameters:
    ///   - covariances: those of the samples to fit.
    ///   - heldOut: those of other samples, by which the strength of the penalty is chosen; nil for the middle one.
    ///   - channels: places of channels among those of the covariances, the most needed first.
    ///   - prior: what the map of the channels is pulled towards, `[channels, outputs]`.
    ///   - linearPrior: what the linear path is pulled towards, `[d, outputs]`; nil for zero.
    /// - Throws: ``ComputeError/singular(column:)`` when no strength makes the system solvable.
    init(
        _ covariances: Covariances, heldOut: Covariances?, channels: [Int], prior: Matrix, linearPrior: Matrix? = nil
    ) throws(ComputeError) {
        (self.covariances, self.heldOut, self.linearPrior) = (covariances, heldOut, linearPrior)
        self.channels = channels
        let d = covariances.linearCount
        let places = channels.map { d + $0 }
        let square = covariances.features.selecting(places, places)
        let sides = covariances.targets.selecting(places)
        let mixed = covariances.features.selecting(places, Array(0..<d))
        var factors: [Factor] = []
        var failure: ComputeError?
        for strength in heldOut == nil ? [Self.middleStrength] : Self.strengths {
            let penalties = covariances.penalties(strength, on: places)
            var system = square
            system.addDiagonal(penalties)
            var right = sides
            right.add(prior.scalingRows(by: penalties))
            do {
                let lower = try system.choleskyFactor()
                factors.append(
                    Factor(
                        strength: strength, lower: lower, targets: lower.triangularSolve(right),
                        mixed: lower.triangularSolve(mixed)))
            } catch { failure = error }
        }
        if factors.isEmpty, let failure { throw failure }
        self.factors = factors
    }

    /// The share of the targets' variance that a fit explains on the samples that judge it.
    func r2(of error: Double) -> Double {
        let variance = (heldOut ?? covariances).targetVariance
        return variance > 0 ? 1 - error / variance : 1
    }

    /// Fits the first channels, of the strength with the least error.
    ///
    /// - Parameters:
    ///   - count: the number of channels.
    ///   - path: the linear path beside them.
    /// - Returns: the fit, its channels in their order.
    /// - Throws: ``ComputeError/singular(column:)`` when no strength makes the system solvable.
    mutating func fit(keeping count: Int, beside path: Path) throws(ComputeError) -> SiteFit {
        let d = covariances.linearCount
        var features = channels.prefix(count).map { d + $0 }
        if case .none = path {} else { features = Array(0..<d) + features }
        var best: SiteFit?
        var failure = ComputeError.singular(column: 0)
        for index in factors.indices {
            do {
                var found = try fit(count, path, factor: index, features)
                found.judge(on: heldOut ?? covariances, reading: features)
                if best.map({ found.error < $0.error }) ?? true { best = found }
            } catch { failure = error }
        }
        guard let best else { throw failure }
        return best
    }

    private mutating func fit(
        _ count: Int, _ path: Path, factor index: Int, _ features: [Int]
    ) throws(ComputeError) -> SiteFit {
        let factor = factors[index]
        var targets = factor.targets.firstRows(count)
        let found: SiteFit.Path
        switch path {
        case .none: found = .none
        case .full:
            let (linear, _) = try linearPath(count, factor)
            targets.subtractProduct(factor.mixed.firstRows(count), linear)
            found = .full(linear)
        case .rank(let rank):
            let (linear, directions) = try self.directions(count, factor: index)
            let up = directions.selecting(Array(0..<directions.rows), Array(0..<min(rank, directions.columns)))
            let down = up.transposed().multiplied(by: linear.transposed())
            targets.subtractProduct(factor.mixed.firstRows(count), up.multiplied(by: down).transposed())
            found = .product(down: down, up: up)
        }
        return SiteFit(
            found, factor.lower.triangularSolve(targets, isTransposed: true), strength: factor.strength, covariances,
            reading: features)
    }

    /// The linear path beside the first channels, and what they leave of the covariance of its features.
    private func linearPath(_ count: Int, _ factor: Factor) throws(ComputeError) -> (map: Matrix, rest: Matrix) {
        let linear = Array(0..<covariances.linearCount)
        let mixed = factor.mixed.firstRows(count)
        let across = mixed.transposed()
        var rest = covariances.features.selecting(linear, linear)
        rest.subtractProduct(across, mixed)
        let penalties = covariances.penalties(factor.strength, on: linear)
        var right = covariances.targets.selecting(linear)
        if let linearPrior { right.add(linearPrior.scalingRows(by: penalties)) }
        right.subtractProduct(across, factor.targets.firstRows(count))
        var system = rest
        system.addDiagonal(penalties)
        return (try system.choleskySolve(right), rest)
    }

    /// The linear path, and the eigenvectors of the covariance of what it computes, the largest first.
    ///
    /// The product of two matrices of a rank that is nearest to a map `W` for inputs of covariance `S` is `P PT W` with the
    /// largest eigenvectors `P` of `W S WT`, since it loses the least of `|(W - U V) S^1/2|` (Eckart and Young).
    private mutating func directions(
        _ count: Int, factor index: Int
    ) throws(ComputeError) -> (linear: Matrix, directions: Matrix) {
        if let known = known[index], known.count == count { return (known.linear, known.directions) }
        let (linear, rest) = try linearPath(count, factors[index])
        let outputs = linear.transposed().multiplied(by: rest).multiplied(by: linear)
        let directions = try outputs.largestEigenvectors(outputs.rows)
        known[index] = (count, linear, directions)
        return (linear, directions)
    }
}

extension Matrix {
    fileprivate func firstRows(_ count: Int) -> Matrix {
        count == rows ? self : Matrix(rows: count, columns: columns, values: Array(values.prefix(count * columns)))
    }

    fileprivate func scalingRows(by factors: [Double]) -> Matrix {
        var result = self
        for row in 0..<rows {
            for column in 0..<columns { result.values[row * columns + column] *= factors[row] }
        }
        return result
    }
}
