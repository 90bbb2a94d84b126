extension Step {
    /// Sums or means over some axes.
    ///
    /// - `result`: the sizes of `x` on the other axes; whether ones stand for the axes that are gone is all the same
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has as many elements as the other axes.
    package static func reduce(
        _ kind: ReduceKind, _ x: Tensor, axes: [Int], into result: Tensor
    ) throws(ComputeError) -> Step {
        let sizes = x.shape.dimensions
        let kept = try Shape.of(sizes.indices.map { axes.contains($0) ? 1 : sizes[$0] })
        let results = kept.elementCount
        guard axes.allSatisfy(sizes.indices.contains), results == result.shape.elementCount else {
            throw .shape(.mismatch(operation: "reduce", x.shape, result.shape))
        }
        let loop = StridedLoop(
            sizes, strides: [StridedLoop.strides(of: kept, stretchedTo: sizes), rowMajorStrides(sizes)])
        let (a, y) = try unsafe (x.source(), result.target())
        let isEmpty = x.shape.elementCount == 0
        let share = kind == .mean ? Float(results) / Float(x.shape.elementCount) : 1
        return Step(kind.rawValue, keeping: [x, result]) {
            // SAFETY: the loop stays inside the sizes of `x`, and `result` has `results` elements.
            unsafe y.update(repeating: 0, count: results)
            guard !isEmpty else { return }
            loop.forEachRow { offsets in
                let (y, a) = unsafe (y + offsets[0], a + offsets[1])
                if loop.row.strides[0] == 0 {
                    unsafe y[0] += sum(loop.row.count) { unsafe $0.of(a) }
                } else {
                    for index in 0..<loop.row.count { unsafe y[index] += a[index] }
                }
            }
            guard kind == .mean else { return }
            for index in 0..<results { unsafe y[index] *= share }
        }
    }
}
