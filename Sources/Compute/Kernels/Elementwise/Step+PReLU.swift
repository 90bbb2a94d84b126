extension Step {
    /// `max(x, 0) + slope * min(x, 0)`; `result` may be the same view as `x`.
    ///
    /// - `slope`: broadcasts to the shape of `x`
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func prelu(_ x: Tensor, slope: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        try result.shape.require(x.shape, for: "prelu")
        let loop = try PReLULoop(x, slope: slope)
        let (a, s, y) = try unsafe (x.source(), slope.source(), result.target())
        return Step("prelu", keeping: [x, slope, result]) {
            // SAFETY: the rows stay inside `x`, whose shape is that of `result`, and the slope broadcasts to it.
            loop.forEachRow { start, slopeStart, count, stretches in
                let (a, s, y) = unsafe (a + start, s + slopeStart, y + start)
                if stretches {
                    let slope = unsafe s[0]
                    for index in 0..<count { unsafe y[index] = a[index] > 0 ? a[index] : slope * a[index] }
                } else {
                    for index in 0..<count { unsafe y[index] = a[index] > 0 ? a[index] : s[index] * a[index] }
                }
            }
        }
    }

    /// The gradient with respect to `x`: `dy` where `x` is positive, else `slope * dy`. `dx` may be the same view as
    /// `x` or `dy`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func preluBackward(
        _ x: Tensor, slope: Tensor, dy: Tensor, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try dy.shape.require(x.shape, for: "prelu backward")
        try dx.shape.require(x.shape, for: "prelu backward")
        let loop = try PReLULoop(x, slope: slope)
        let (a, s, g, d) = try unsafe (x.source(), slope.source(), dy.source(), dx.target())
        return Step("prelu backward", keeping: [x, slope, dy, dx]) {
            // SAFETY: as in `prelu`.
            loop.forEachRow { start, slopeStart, count, stretches in
                let (a, s, g, d) = unsafe (a + start, s + slopeStart, g + start, d + start)
                if stretches {
                    let slope = unsafe s[0]
                    for index in 0..<count { unsafe d[index] = a[index] > 0 ? g[index] : slope * g[index] }
                } else {
                    for index in 0..<count { unsafe d[index] = a[index] > 0 ? g[index] : s[index] * g[index] }
                }
            }
        }
    }

    /// The gradient with respect to `slope`: the sum of `min(x, 0) * dy` over the elements that share one slope.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func preluSlopeBackward(
        _ x: Tensor, slope: Tensor, dy: Tensor, into dSlope: Tensor
    ) throws(ComputeError) -> Step {
        try dy.shape.require(x.shape, for: "prelu slope backward")
        try dSlope.shape.require(slope.shape, for: "prelu slope backward")
        let loop = try PReLULoop(x, slope: slope)
        let (a, g, d) = try unsafe (x.source(), dy.source(), dSlope.target())
        let slopes = slope.shape.elementCount
        return Step("prelu slope backward", keeping: [x, dy, dSlope]) {
            // SAFETY: as in `prelu`.
            unsafe d.update(repeating: 0, count: slopes)
            loop.forEachRow { start, slopeStart, count, stretches in
                let (a, g, d) = unsafe (a + start, g + start, d + slopeStart)
                if stretches {
                    unsafe d[0] += sum(count) { place in
                        let x = unsafe place.of(a)
                        return unsafe x.replacing(with: 0, where: x .> 0) * place.of(g)
                    }
                } else {
                    for index in 0..<count { unsafe d[index] += min(a[index], 0) * g[index] }
                }
            }
        }
    }
}

/// The rows of `x`, each with the offset of its slopes.
private struct PReLULoop {
    private let loop: StridedLoop
    private let isEmpty: Bool

    init(_ x: Tensor, slope: Tensor) throws(ComputeError) {
        try x.shape.require(.broadcast(x.shape, slope.shape), for: "prelu")
        let sizes = x.shape.dimensions
        loop = StridedLoop(
            sizes, strides: [rowMajorStrides(sizes), StridedLoop.strides(of: slope.shape, stretchedTo: sizes)])
        isEmpty = x.shape.elementCount == 0
    }

    @inline(__always)
    func forEachRow(_ body: (_ start: Int, _ slopeStart: Int, _ count: Int, _ stretches: Bool) -> Void) {
        guard !isEmpty else { return }
        loop.forEachRow { body($0[0], $0[1], loop.row.count, loop.row.strides[1] == 0) }
    }
}
