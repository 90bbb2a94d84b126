import Compute
import Model

/// A ridge fit of a site's targets by some of its features, in closed form: `y = F B + c`.
///
/// `B = B0 + (H + D)^-1 (C - H B0)` minimizes the square error under a penalty `D` on the distance from the prior `B0`,
/// which is the second layer of a block for its channels and zero for a linear path. The strength of the penalty is chosen
/// on held-out samples.
struct SiteFit {
    /// The features that it reads.
    let indices: [Int]
    /// `[indices, outputs]`
    private(set) var map: Matrix
    /// `[outputs]`
    private(set) var offset: [Double]
    /// The strength of the penalty relative to the mean variance of the features.
    let strength: Double
    /// The mean square error summed over the outputs, on held-out samples.
    private(set) var heldOutError: Double

    /// The strengths to choose from.
    static let strengths = [1e-4, 1e-3, 1e-2]
    /// The strength of a fit that is only compared with others: between 1e-5 and 1e-2 it makes little difference.
    static let middleStrength = [1e-3]

    /// Fits the map.
    ///
    /// - Parameters:
    ///   - covariances: those of the samples to fit.
    ///   - heldOut: those of other samples.
    ///   - prior: what the map is pulled towards, `[indices, outputs]`.
    ///   - indices: the features to read.
    ///   - strengths: the strengths to choose from.
    /// - Throws: ``ComputeError/singular(column:)`` when no strength makes the system solvable.
    init(
        _ covariances: Covariances, heldOut: Covariances, prior: Matrix, reading indices: [Int],
        strengths: [Double] = SiteFit.strengths
    ) throws(ComputeError) {
        let square = covariances.features.selecting(indices, indices)
        var residual = covariances.targets.selecting(indices)
        residual.subtractProduct(square, prior)
        var best: (map: Matrix, offset: [Double], strength: Double, error: Double)?
        var failure = ComputeError.singular(column: 0)
        for strength in strengths {
            var system = square
            system.addDiagonal(covariances.penalties(strength, on: indices))
            var map: Matrix
            do { map = try system.choleskySolve(residual) } catch {
                failure = error
                continue
            }
            map.add(prior)
            let offset = covariances.offset(of: map, reading: indices)
            let error = heldOut.error(of: map, offset, reading: indices)
            if best.map({ error < $0.error }) ?? true { best = (map, offset, strength, error) }
        }
        guard let best else { throw failure }
        (self.indices, map, offset) = (indices, best.map, best.offset)
        (strength, heldOutError) = (best.strength, best.error)
    }

    mutating func addToOffset(_ number: Double, at index: Int) { offset[index] += number }

    /// Gives the linear path a low rank, in the norm of what the channels leave of its input, and fits the channels anew.
    ///
    /// - Parameters:
    ///   - rank: the rank.
    ///   - covariances: those of the samples to fit.
    ///   - heldOut: those of other samples.
    ///   - prior: the second layer for the channels, `[channels, outputs]`.
    /// - Returns: the path: `[rank, d]`, then `[outputs, rank]`.
    /// - Throws: ``ComputeError/singular(column:)``.
    mutating func truncatePath(
        to rank: Int, _ covariances: Covariances, heldOut: Covariances, prior: Matrix
    ) throws(ComputeError) -> (down: Matrix, up: Matrix) {
        let d = covariances.linearCount
        let (linear, hidden) = (Array(0..<d), indices.filter { $0 >= d })
        let penalties = covariances.penalties(strength, on: hidden)
        var system = covariances.features.selecting(hidden, hidden)
        let channels = system
        system.addDiagonal(penalties)
        let mixed = covariances.features.selecting(hidden, linear)
        var rest = covariances.features.selecting(linear, linear)
        if !hidden.isEmpty { rest.subtractProduct(mixed.transposed(), try system.choleskySolve(mixed)) }
        let path = try map.selecting(Array(0..<d)).transposed().truncated(to: rank, inNormOf: rest)
        let product = path.up.multiplied(by: path.down).transposed()
        var whole = product
        if !hidden.isEmpty {
            var residual = covariances.targets.selecting(hidden)
            residual.subtractProduct(mixed, product)
            residual.subtractProduct(channels, prior)
            var second = try system.choleskySolve(residual)
            second.add(prior)
            whole = Matrix(rows: d + hidden.count, columns: product.columns, values: product.values + second.values)
        }
        map = whole
        offset = covariances.offset(of: map, reading: indices)
        heldOutError = heldOut.error(of: map, offset, reading: indices)
        return path
    }
}

extension Covariances {
    /// The offset with which a map has the targets' means.
    fileprivate func offset(of map: Matrix, reading indices: [Int]) -> [Double] {
        targetMeans.indices.map { column in
            indices.enumerated().reduce(targetMeans[column]) { $0 - map[$1.offset, column] * featureMeans[$1.element] }
        }
    }
}

extension Matrix {
    /// The product of two matrices of rank `rank` that is nearest to this one, `[outputs, inputs]`, for inputs of a
    /// covariance.
    ///
    /// The rows of the second one span the largest eigenvectors of `W S W^T`, since `|(W - U V) S^1/2|` is least for
    /// `U V = P P^T W` (Eckart and Young).
    ///
    /// - Returns: `[rank, inputs]` and `[outputs, rank]`.
    /// - Throws: ``ComputeError/singular(column:)`` when the eigenvectors are not found.
    func truncated(to rank: Int, inNormOf covariance: Matrix) throws(ComputeError) -> (down: Matrix, up: Matrix) {
        let outputs = multiplied(by: covariance).multiplied(by: transposed())
        let vectors = try outputs.largestEigenvectors(rank)
        return (vectors.transposed().multiplied(by: self), vectors)
    }
}
