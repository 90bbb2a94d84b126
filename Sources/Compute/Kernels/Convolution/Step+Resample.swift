extension Step {
    /// Resizes one axis of `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the axis has the sizes of the resampling and the others are equal.
    package static func resample(
        _ x: Tensor, axis: Int, by resampling: Resampling, into result: Tensor
    ) throws(ComputeError) -> Step {
        let table = try ResamplingTable(resampling, x.shape, result.shape, axis: axis)
        let (a, y) = try unsafe (x.source(), result.target())
        let (inner, count) = (table.inner, table.count)
        return Step("resample", keeping: [x, result]) {
            for outer in 0..<table.outer {
                // SAFETY: each place lies on the axis of `x` (Resampling.init), each row in one of the tensors.
                let (a, y) = unsafe (a + outer * table.inputCount * inner, y + outer * count * inner)
                if inner == 1 {
                    unsafe y.update(from: table.offsets, count: count)
                    for tap in 0..<table.taps {
                        let (places, weights) = unsafe (table.places + tap * count, table.weights + tap * count)
                        for row in 0..<count { unsafe y[row] += weights[row] * a[Int(places[row])] }
                    }
                    continue
                }
                for row in 0..<count {
                    let y = unsafe y + row * inner
                    let nearest = unsafe a + Int(table.places[row]) * inner
                    let (weight, offset) = unsafe (table.weights[row], table.offsets[row])
                    if table.taps == 1, weight == 1, offset == 0 {
                        unsafe y.update(from: nearest, count: inner)
                        continue
                    }
                    for index in 0..<inner { unsafe y[index] = offset + weight * nearest[index] }
                    for tap in 1..<max(table.taps, 1) {
                        let a = unsafe a + Int(table.places[tap * count + row]) * inner
                        let weight = unsafe table.weights[tap * count + row]
                        for index in 0..<inner { unsafe y[index] += weight * a[index] }
                    }
                }
            }
        }
    }

    /// The gradient of ``resample(_:axis:by:into:)`` with respect to `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func resampleBackward(
        dy: Tensor, axis: Int, by resampling: Resampling, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let table = try ResamplingTable(resampling, dx.shape, dy.shape, axis: axis)
        let (g, d) = try unsafe (dy.source(), dx.target())
        let (inner, count, elements) = (table.inner, table.count, dx.shape.elementCount)
        return Step("resample backward", keeping: [dy, dx]) {
            unsafe d.update(repeating: 0, count: elements)
            for outer in 0..<table.outer {
                // SAFETY: as in `resample`.
                let (d, g) = unsafe (d + outer * table.inputCount * inner, g + outer * count * inner)
                for tap in 0..<table.taps {
                    let (places, weights) = unsafe (table.places + tap * count, table.weights + tap * count)
                    if inner == 1 {
                        for row in 0..<count { unsafe d[Int(places[row])] += weights[row] * g[row] }
                        continue
                    }
                    for row in 0..<count {
                        let (d, g) = unsafe (d + Int(places[row]) * inner, g + row * inner)
                        let weight = unsafe weights[row]
                        for index in 0..<inner { unsafe d[index] += weight * g[index] }
                    }
                }
            }
        }
    }
}

/// The tables of a resampling, in memory that a loop reads without checks, tap by tap, and the sizes around its axis.
///
/// A class because it owns memory that steps share.
@safe private final class ResamplingTable {
    let outer: Int
    let inner: Int
    let inputCount: Int
    let count: Int
    let taps: Int
    /// The index that each tap reads, by tap and row; the weights are in the same order.
    let places: UnsafeMutablePointer<Int32>
    let weights: UnsafeMutablePointer<Float>
    /// The number added to each row.
    let offsets: UnsafeMutablePointer<Float>
    private let memory: [Tensor]

    init(_ resampling: Resampling, _ x: Shape, _ result: Shape, axis: Int) throws(ComputeError) {
        let from = try AxisSplit(x, axis: axis, "resample")
        let to = try AxisSplit(result, axis: axis, "resample")
        guard x.rank == result.rank, from.outer == to.outer, from.inner == to.inner,
            from.size == resampling.inputCount, to.size == resampling.count
        else { throw .shape(.mismatch(operation: "resample", x, result)) }
        let (taps, count) = (resampling.taps, resampling.count)
        (outer, inner, inputCount, self.count, self.taps) = (from.outer, from.inner, from.size, count, taps)
        // A place is below the size of an axis; a step cannot hold an axis beyond 2^31 in memory.
        let order = (0..<(taps * count)).map { $0 % count * taps + $0 / count }
        do throws(MemoryError) {
            memory = try [
                Tensor(order.map { Int32(clamping: resampling.places[$0]) }, Shape.row(taps * count)),
                Tensor(order.map { resampling.weights[$0] }, Shape.row(taps * count)),
                Tensor(resampling.offsets, Shape.row(count)),
            ]
        } catch {
            throw .memory(error)
        }
        unsafe places = memory[0].target(as: Int32.self)
        unsafe weights = memory[1].target()
        unsafe offsets = memory[2].target()
    }
}

extension Shape {
    /// The shape `[count]`; it is valid because as many elements exist in memory.
    fileprivate static func row(_ count: Int) -> Shape {
        do { return try Shape([count]) } catch { preconditionFailure("\(error)") }
    }
}
