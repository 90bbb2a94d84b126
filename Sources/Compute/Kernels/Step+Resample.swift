extension Step {
    /// Resizes one axis of `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the axis has the sizes of the resampling and the others are equal.
    package static func resample(
        _ x: Tensor, axis: Int, by resampling: Resampling, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (from, to) = try sides(x, result, axis, resampling)
        let (a, y) = try unsafe (x.source(), result.target())
        let (inner, taps) = (from.inner, resampling.taps)
        return Step("resample", keeping: [x, result]) {
            for outer in 0..<from.outer {
                // SAFETY: each place lies on the axis of `x` (Resampling.init), each row in one of the tensors.
                let (a, y) = unsafe (a + outer * from.size * inner, y + outer * to.size * inner)
                if inner == 1 {
                    for row in 0..<to.size {
                        var value = resampling.offsets[row]
                        for tap in row * taps..<(row + 1) * taps {
                            unsafe value += resampling.weights[tap] * a[resampling.places[tap]]
                        }
                        unsafe y[row] = value
                    }
                    continue
                }
                for row in 0..<to.size {
                    let y = unsafe y + row * inner
                    let (first, offset) = (row * taps, resampling.offsets[row])
                    let nearest = unsafe a + resampling.places[first] * inner
                    let weight = resampling.weights[first]
                    if taps == 1, weight == 1, offset == 0 {
                        unsafe y.update(from: nearest, count: inner)
                        continue
                    }
                    for index in 0..<inner { unsafe y[index] = offset + weight * nearest[index] }
                    for tap in (first + 1)..<(first + taps) {
                        let a = unsafe a + resampling.places[tap] * inner
                        let weight = resampling.weights[tap]
                        for index in 0..<inner { unsafe y[index] += weight * a[index] }
                    }
                }
            }
        }
    }

    /// The derivative of ``resample(_:axis:by:into:)`` by `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func resampleBackward(
        dy: Tensor, axis: Int, by resampling: Resampling, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let (from, to) = try sides(dx, dy, axis, resampling)
        let (g, d) = try unsafe (dy.source(), dx.target())
        let (inner, taps, count) = (from.inner, resampling.taps, dx.shape.elementCount)
        return Step("resample backward", keeping: [dy, dx]) {
            unsafe d.update(repeating: 0, count: count)
            for outer in 0..<from.outer {
                // SAFETY: as in `resample`.
                let (d, g) = unsafe (d + outer * from.size * inner, g + outer * to.size * inner)
                for tap in 0..<(to.size * taps) {
                    let row = unsafe d + resampling.places[tap] * inner
                    let g = unsafe g + tap / taps * inner
                    let weight = resampling.weights[tap]
                    for index in 0..<inner { unsafe row[index] += weight * g[index] }
                }
            }
        }
    }

    private static func sides(
        _ x: Tensor, _ result: Tensor, _ axis: Int, _ resampling: Resampling
    ) throws(ComputeError) -> (AxisSplit, AxisSplit) {
        let from = try AxisSplit(x.shape, axis: axis, "resample")
        let to = try AxisSplit(result.shape, axis: axis, "resample")
        guard x.shape.rank == result.shape.rank, from.outer == to.outer, from.inner == to.inner,
            from.size == resampling.inputCount, to.size == resampling.count
        else { throw .shape(.mismatch(operation: "resample", x.shape, result.shape)) }
        return (from, to)
    }
}
