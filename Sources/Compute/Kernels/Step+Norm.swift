// R rows, K elements in each, which are brought to one scale.
extension Step {
    /// Brings the elements of the last `axes` axes to one scale, and stretches and shifts them.
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
        let (K, a, y) = unsafe (rows.K, rows.x, result.target())
        for factor in [scale, bias] { try factor?.shape.require(rows.rowShape, for: "norm") }
        let (gamma, beta) = try unsafe (scale?.source(), bias?.source())
        let operands = [x, result] + [scale, bias].compactMap { $0 }
        // SAFETY: the shapes are those above.
        return Step("norm", keeping: operands) {
            for r in 0..<rows.R {
                let (a, y) = unsafe (a + r * K, y + r * K)
                let (mean, inverse) = rows.statistics(of: r)
                if let gamma = unsafe gamma, let beta = unsafe beta {
                    for k in 0..<K { unsafe y[k] = (a[k] - mean) * inverse * gamma[k] + beta[k] }
                } else if let gamma = unsafe gamma {
                    for k in 0..<K { unsafe y[k] = (a[k] - mean) * inverse * gamma[k] }
                } else {
                    for k in 0..<K { unsafe y[k] = (a[k] - mean) * inverse }
                    guard let beta = unsafe beta else { continue }
                    for k in 0..<K { unsafe y[k] += beta[k] }
                }
            }
        }
    }

    /// The derivative of ``norm(_:_:axes:scale:bias:epsilon:into:)`` by `x`; `dx` may be the same view as `x` or `dy`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func normBackward(
        _ kind: NormKind, _ x: Tensor, axes: Int, scale: Tensor?, dy: Tensor, epsilon: Float, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try NormRows(kind, x, axes: axes, epsilon: epsilon)
        try dy.shape.require(x.shape, for: "norm backward")
        try dx.shape.require(x.shape, for: "norm backward")
        try scale?.shape.require(rows.rowShape, for: "norm backward")
        let (K, a, g, d) = try unsafe (rows.K, rows.x, dy.source(), dx.target())
        let scaled = try Tensor.scratch(rows.rowShape)
        let h = unsafe scaled.target()
        let gamma = try unsafe scale?.source()
        let share = 1 / Float(K)
        // SAFETY: the shapes are those above; `scaled` holds a row.
        return Step("norm backward", keeping: [x, dy, dx, scaled] + [scale].compactMap { $0 }) {
            for r in 0..<rows.R {
                let (a, g, d) = unsafe (a + r * K, g + r * K, d + r * K)
                let (mean, inverse) = rows.statistics(of: r)
                if let gamma = unsafe gamma {
                    for k in 0..<K { unsafe h[k] = g[k] * gamma[k] }
                } else {
                    unsafe h.update(from: g, count: K)
                }
                // With z the normalised row: dx = inverse * (h - mean(h) - z * mean(h * z)).
                let centre = SIMD8(repeating: mean)
                let along = sum(K) { unsafe $0.of(h) * ($0.of(a) - centre) } * share * inverse * inverse
                let shift = kind == .layer ? sum(K) { unsafe $0.of(h) } * share : 0
                for k in 0..<K { unsafe d[k] = inverse * (h[k] - shift - (a[k] - mean) * along) }
            }
        }
    }

    /// The derivative of ``norm(_:_:axes:scale:bias:epsilon:into:)`` by `scale`: `dScale [K...]`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func normScaleBackward(
        _ kind: NormKind, _ x: Tensor, axes: Int, dy: Tensor, epsilon: Float, into dScale: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try NormRows(kind, x, axes: axes, epsilon: epsilon)
        try dy.shape.require(x.shape, for: "norm scale backward")
        try dScale.shape.require(rows.rowShape, for: "norm scale backward")
        let (K, a, g, d) = try unsafe (rows.K, rows.x, dy.source(), dScale.target())
        // SAFETY: the shapes are those above.
        return Step("norm scale backward", keeping: [x, dy, dScale]) {
            unsafe d.update(repeating: 0, count: K)
            for r in 0..<rows.R {
                let (a, g) = unsafe (a + r * K, g + r * K)
                let (mean, inverse) = rows.statistics(of: r)
                for k in 0..<K { unsafe d[k] += g[k] * (a[k] - mean) * inverse }
            }
        }
    }
}

/// The rows of `x`, with the statistics of each, which are as quick to compute anew as to keep.
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
        self.kind = kind
        self.epsilon = epsilon
    }

    @inline(__always)
    func statistics(of row: Int) -> (mean: Float, inverseDeviation: Float) {
        // SAFETY: the row lies inside `x`, which holds R rows of K.
        let a = unsafe x + row * K
        let share = 1 / Float(K)
        let mean = kind == .layer ? sum(K) { unsafe $0.of(a) } * share : 0
        let centre = SIMD8(repeating: mean)
        let squares = sum(K) { place in
            // The lanes past the end are not of the row: they must count as the mean.
            let difference = unsafe place.of(a) - centre
            return place.isWhole ? difference * difference : SIMD8(difference[0] * difference[0], 0, 0, 0, 0, 0, 0, 0)
        }
        return (mean, 1 / (squares * share + epsilon).squareRoot())
    }
}
