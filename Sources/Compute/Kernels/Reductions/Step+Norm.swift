// R rows, K elements in each, which are normalised.
extension Step {
    /// Normalises the elements of the last `axes` axes, then scales and shifts them.
    ///
    /// - `x`: `[R..., K...]`
    /// - `scale`: `[K...]`, as is `bias`
    /// - `result`: the shape of `x`, or the same view
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func norm(
        _ kind: NormKind, _ x: Tensor, axes: Int, scale: Tensor?, bias: Tensor?, epsilon: Float, into result: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try NormRows(kind, x, axes: axes, epsilon: epsilon)
        try result.shape.require(x.shape, for: "norm")
        for factor in [scale, bias] { try factor?.shape.require(rows.rowShape, for: "norm") }
        let factors = try [rows.factor(scale, otherwise: 1), rows.factor(bias, otherwise: 0)]
        let (K, x_, y) = unsafe (rows.K, rows.x, result.target())
        let (gamma, beta) = try unsafe (factors[0].source(), factors[1].source())
        return Step("norm", keeping: [x, result] + factors) {
            inParallel(rows.R, grain: rows.grain) { part, _ in
                for r in part {
                    // SAFETY: the shapes are those above.
                    let (a, y) = unsafe (x_ + r * K, y + r * K)
                    let (mean, inverse) = rows.statistics(of: r)
                    for k in stride(from: 0, to: K & ~7, by: 8) {
                        unsafe store8((load8(a + k) - mean) * inverse * load8(gamma + k) + load8(beta + k), y + k)
                    }
                    for k in K & ~7..<K { unsafe y[k] = (a[k] - mean) * inverse * gamma[k] + beta[k] }
                }
            }
        }
    }

    /// The gradient of ``norm(_:_:axes:scale:bias:epsilon:into:)`` with respect to `x`; `dx` may be the same view as
    /// `x`, `dy` or `sum`.
    ///
    /// - `sum`: added to the result: the gradient of the residual branch around the norm
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func normBackward(
        _ kind: NormKind, _ x: Tensor, axes: Int, scale: Tensor?, dy: Tensor, sum other: Tensor? = nil, epsilon: Float,
        into dx: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try NormRows(kind, x, axes: axes, epsilon: epsilon)
        try dy.shape.require(x.shape, for: "norm backward")
        try dx.shape.require(x.shape, for: "norm backward")
        try other?.shape.require(x.shape, for: "norm backward")
        try scale?.shape.require(rows.rowShape, for: "norm backward")
        let factor = try rows.factor(scale, otherwise: 1)
        let (K, x_, dy_, dx_) = try unsafe (rows.K, rows.x, dy.source(), dx.target())
        let (gamma, other_) = try unsafe (factor.source(), other?.source())
        let share = 1 / Float(max(1, K))
        return Step("norm backward", keeping: [x, dy, dx, factor] + [other].compactMap { $0 }) {
            inParallel(rows.R, grain: rows.grain) { part, _ in
                for r in part {
                    // SAFETY: the shapes are those above.
                    let (a, g, d) = unsafe (x_ + r * K, dy_ + r * K, dx_ + r * K)
                    let (mean, inverse) = rows.statistics(of: r)
                    // With h = dy * scale and z the normalised row: dx = inverse * (h - mean(h) - z * mean(h * z)).
                    let along =
                        sum(K) { unsafe $0.of(g) * $0.of(gamma) * ($0.of(a) - mean) } * share * inverse * inverse
                    let shift = kind == .layer ? sum(K) { unsafe $0.of(g) * $0.of(gamma) } * share : 0
                    let other = unsafe other_.map { unsafe $0 + r * K }
                    for k in stride(from: 0, to: K & ~7, by: 8) {
                        let h = unsafe load8(g + k) * load8(gamma + k)
                        var slope = unsafe inverse * (h - shift - (load8(a + k) - mean) * along)
                        if let other = unsafe other { unsafe slope += load8(other + k) }
                        unsafe store8(slope, d + k)
                    }
                    for k in K & ~7..<K {
                        let slope = unsafe inverse * (g[k] * gamma[k] - shift - (a[k] - mean) * along)
                        unsafe d[k] = slope + (other?[k] ?? 0)
                    }
                }
            }
        }
    }

    /// The gradients of ``norm(_:_:axes:scale:bias:epsilon:into:)`` with respect to `scale` and to `bias`, one after
    /// the other.
    ///
    /// - `result`: `[2, K...]`
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func normFactorsBackward(
        _ kind: NormKind, _ x: Tensor, axes: Int, dy: Tensor, epsilon: Float, into result: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try NormRows(kind, x, axes: axes, epsilon: epsilon)
        try dy.shape.require(x.shape, for: "norm factors backward")
        try result.shape.require(.of([2] + rows.rowShape.dimensions), for: "norm factors backward")
        let K = rows.K
        // Each thread adds up its own rows; the sums are then added in the order of the threads.
        let partial = try Tensor.scratch(.of([threadCount, 2, K]))
        let (x_, dy_, sums, d) = try unsafe (rows.x, dy.source(), partial.target(), result.target())
        let parts = rows.parts
        return Step("norm factors backward", keeping: [x, dy, partial, result]) {
            inParallel(rows.R, grain: rows.grain) { range, part in
                // SAFETY: the shapes are those above, and there are no more parts than threads.
                let (slopes, shifts) = unsafe (sums + part * 2 * K, sums + (part * 2 + 1) * K)
                unsafe slopes.update(repeating: 0, count: 2 * K)
                for r in range {
                    let (a, g) = unsafe (x_ + r * K, dy_ + r * K)
                    let (mean, inverse) = rows.statistics(of: r)
                    for k in stride(from: 0, to: K & ~7, by: 8) {
                        let dy = unsafe load8(g + k)
                        unsafe store8(load8(slopes + k) + dy * (load8(a + k) - mean) * inverse, slopes + k)
                        unsafe store8(load8(shifts + k) + dy, shifts + k)
                    }
                    for k in K & ~7..<K {
                        unsafe slopes[k] += g[k] * (a[k] - mean) * inverse
                        unsafe shifts[k] += g[k]
                    }
                }
            }
            unsafe d.update(from: sums, count: 2 * K)
            for part in 1..<max(1, parts) {
                for k in 0..<2 * K { unsafe d[k] += sums[part * 2 * K + k] }
            }
        }
    }
}

/// The rows of `x`, with the statistics of each, which are as fast to recompute as to store.
@safe private struct NormRows {
    let R: Int
    let K: Int
    let rowShape: Shape
    let x: UnsafeMutablePointer<Float>
    private let kind: NormKind
    private let epsilon: Float

    init(_ kind: NormKind, _ x: Tensor, axes: Int, epsilon: Float) throws(ComputeError) {
        guard axes > 0, axes <= x.shape.rank else {
            throw .shape(.unsuitable(operation: "norm", x.shape, reason: "has no last \(axes) axes"))
        }
        rowShape = try Shape.of(Array(x.shape.dimensions.suffix(axes)))
        K = rowShape.elementCount
        R = K == 0 ? 0 : x.shape.elementCount / K
        unsafe self.x = try x.source()
        (self.kind, self.epsilon) = (kind, epsilon)
    }

    /// The number of rows worth a thread.
    var grain: Int { max(1, 16_384 / max(1, K)) }

    /// The number of threads that share the rows.
    var parts: Int { max(1, min(threadCount, R / grain)) }

    /// The given factor, or without one a row of its default value.
    func factor(_ given: Tensor?, otherwise value: Float) throws(ComputeError) -> Tensor {
        if let given { return given }
        let row = try Tensor.scratch(rowShape)
        // SAFETY: the tensor holds K elements.
        unsafe row.target().update(repeating: value, count: K)
        return row
    }

    @inline(__always)
    func statistics(of row: Int) -> (mean: Float, inverseDeviation: Float) {
        // SAFETY: the row lies inside `x`, which holds R rows of K.
        let a = unsafe x + row * K
        let share = 1 / Float(K)
        let mean = kind == .layer ? sum(K) { unsafe $0.of(a) } * share : 0
        let squares = sum(K) { place in
            // The lanes past the end of the row must contribute nothing.
            let difference = unsafe place.of(a) - mean
            return place.isWhole ? difference * difference : SIMD8(difference[0] * difference[0], 0, 0, 0, 0, 0, 0, 0)
        }
        return (mean, 1 / (squares * share + epsilon).squareRoot())
    }
}
