// N samples, C channels, S positions in each.
extension Step {
    /// `(x - mean) / sqrt(variance + epsilon) * scale + bias` on given statistics.
    ///
    /// - `x`: `[N, C, ...]`
    /// - `scale`: `[C]`, as are `bias`, `mean` and `variance`
    /// - `result`: the shape of `x`, or the same view
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func batchNorm(
        _ x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Float, into result: Tensor
    ) throws(ComputeError) -> Step {
        guard x.shape.rank >= 2 else {
            throw .shape(.unsuitable(operation: "batchNorm", x.shape, reason: "has no channels"))
        }
        try result.shape.require(x.shape, for: "batchNorm")
        let (N, C, S) = (x.shape[0], x.shape[1], x.shape.dimensions.dropFirst(2).reduce(1, *))
        for statistic in [scale, bias, mean, variance] { try statistic.shape.require(.of([C]), for: "batchNorm") }
        let (a, y) = try unsafe (x.source(), result.target())
        let (gamma, beta) = try unsafe (scale.source(), bias.source())
        let (centre, spread) = try unsafe (mean.source(), variance.source())
        let folded = try Tensor.scratch(.of([2, C]))
        let factors = unsafe folded.target()
        let offsets = unsafe factors + C
        // SAFETY: the shapes are those above, and `folded` holds two rows of C.
        return Step("batchNorm", keeping: [x, scale, bias, mean, variance, folded, result]) {
            for c in 0..<C {
                unsafe factors[c] = gamma[c] / (spread[c] + epsilon).squareRoot()
                unsafe offsets[c] = beta[c] - centre[c] * factors[c]
            }
            for n in 0..<N {
                if S == 1 {
                    let (a, y) = unsafe (a + n * C, y + n * C)
                    for c in 0..<C { unsafe y[c] = a[c] * factors[c] + offsets[c] }
                    continue
                }
                for c in 0..<C {
                    let (a, y) = unsafe (a + (n * C + c) * S, y + (n * C + c) * S)
                    let (factor, offset) = unsafe (factors[c], offsets[c])
                    for s in 0..<S { unsafe y[s] = a[s] * factor + offset }
                }
            }
        }
    }
}
