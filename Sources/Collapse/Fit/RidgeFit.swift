package import Compute
package import Model

/// The best affine map `y = A x + c` under a penalty on the size of `A`, in closed form.
///
/// `A = Cxy^T (Cxx + r tr(Cxx)/d I)^-1`, `c = my - A mx`, with `r` chosen on held-out samples.
package struct RidgeFit: Sendable {
    /// The transpose of `A`, `[inputs, outputs]`.
    package let map: Matrix
    package let offset: [Double]
    package let strength: Double
    /// The mean square error summed over outputs, and the explained share of their variance, on the held-out samples.
    package let heldOutError: Double
    package let heldOutR2: Double

    static let strengths = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    /// The relative rounding error of sums in Float64.
    private static let rounding = 1e-12

    /// Fits the map.
    ///
    /// - Parameters:
    ///   - moments: the moments of the samples to fit.
    ///   - heldOut: the moments of other samples.
    ///   - strengths: the values of `r` to choose from.
    /// - Throws: ``ComputeError/singular(column:)`` when no strength makes the system solvable.
    package init(
        _ moments: Moments, heldOut: Moments, strengths: [Double] = RidgeFit.strengths
    ) throws(ComputeError) {
        let (xx, xy) = (moments.covarianceXX, moments.covarianceXY)
        let (heldXX, heldXY) = (heldOut.covarianceXX, heldOut.covarianceXY)
        let trace = (0..<xx.rows).reduce(0) { $0 + xx[$1, $1] }
        // A constant input has only the variance that rounding leaves of its square; any penalty that is large beside
        // that makes the system solvable.
        let squares = moments.meanX.reduce(0) { $0 + $1 * $1 }
        let spread = max(trace, Self.rounding * squares) / Double(xx.rows)
        let unit = spread > 0 ? spread : 1
        let gapsX = zip(heldOut.meanX, moments.meanX).map { $0 - $1 }
        let gapsY = zip(heldOut.meanY, moments.meanY).map { $0 - $1 }
        var best: (map: Matrix, strength: Double, error: Double)?
        var failure = ComputeError.singular(column: 0)
        for strength in strengths {
            var system = xx
            for index in 0..<xx.rows { system[index, index] += strength * unit }
            let map: Matrix
            do { map = try system.choleskySolve(xy) } catch {
                failure = error
                continue
            }
            // tr Cyy - 2 tr(A Cxy) + tr(A Cxx A^T): no further pass over the data.
            let product = heldXX.multiplied(by: map)
            var error = heldOut.varianceY
            for index in map.values.indices {
                error += map.values[index] * (product.values[index] - 2 * heldXY.values[index])
            }
            // Held-out samples have means of their own: the error of the offset counts too.
            var gaps = gapsY
            for row in 0..<map.rows {
                for column in 0..<map.columns { gaps[column] -= map[row, column] * gapsX[row] }
            }
            for gap in gaps { error += gap * gap }
            if best.map({ error < $0.error }) ?? true { best = (map, strength, error) }
        }
        guard let best else { throw failure }
        map = best.map
        strength = best.strength
        heldOutError = max(0, best.error)
        heldOutR2 = heldOut.varianceY > 0 ? 1 - best.error / heldOut.varianceY : 1
        let means = moments.meanX
        offset = moments.meanY.enumerated().map { column, mean in
            mean - means.indices.reduce(0) { $0 + best.map[$1, column] * means[$1] }
        }
    }

    /// The weight `A`, `[outputs, inputs]`, and the bias `c`, `[outputs]`, of a layer.
    ///
    /// - Throws: ``ModelError/compute(_:)`` without memory.
    package func layer() throws(ModelError) -> (weight: Tensor, bias: Tensor) {
        try computing {
            let weight = try Tensor(map.transposed().values.map(Float.init), Shape([map.columns, map.rows]))
            return (weight, try Tensor(offset.map(Float.init), Shape([offset.count])))
        }
    }
}
