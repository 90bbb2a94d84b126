extension Step {
    /// Where on an axis the greatest or least element is; of any type but bool, the result of int64.
    ///
    /// - `takesLast`: which of equal ones counts
    /// - `result`: the sizes of `x` on the other axes
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has as many elements as the other axes, and the axis any.
    package static func extreme(
        _ kind: ExtremeKind, _ x: Tensor, axis: Int, takesLast: Bool, into result: Tensor
    ) throws(ComputeError) -> Step {
        let split = try AxisSplit(x.shape, axis: axis, "extreme")
        guard result.type == .int64, result.shape.elementCount == split.outer * split.inner, split.size > 0 else {
            throw .shape(.mismatch(operation: "extreme", x.shape, result.shape))
        }
        return switch x.type {
        case .float32: try extreme(kind, x, split, takesLast, of: Float.self, into: result)
        case .int64: try extreme(kind, x, split, takesLast, of: Int64.self, into: result)
        case .int32: try extreme(kind, x, split, takesLast, of: Int32.self, into: result)
        case .bool: throw .shape(.unsuitable(operation: "extreme", x.shape, reason: "is of truths"))
        }
    }

    private static func extreme<Element: BitwiseCopyable & Comparable>(
        _ kind: ExtremeKind, _ x: Tensor, _ split: AxisSplit, _ takesLast: Bool, of type: Element.Type,
        into result: Tensor
    ) throws(ComputeError) -> Step {
        switch (kind, takesLast) {
        case (.maximum, false): try extreme(x, split, of: type, into: result, >)
        case (.maximum, true): try extreme(x, split, of: type, into: result, >=)
        case (.minimum, false): try extreme(x, split, of: type, into: result, <)
        case (.minimum, true): try extreme(x, split, of: type, into: result, <=)
        }
    }

    @inline(__always)
    private static func extreme<Element: BitwiseCopyable & Comparable>(
        _ x: Tensor, _ split: AxisSplit, of type: Element.Type, into result: Tensor,
        _ replaces: @escaping (Element, Element) -> Bool
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: Int64.self))
        let (size, inner) = (split.size, split.inner)
        return Step("extreme", keeping: [x, result]) {
            for outer in 0..<split.outer {
                // SAFETY: `x` holds `outer * size * inner` elements, the result `outer * inner` places below `size`.
                let (a, y) = unsafe (a + outer * size * inner, y + outer * inner)
                unsafe y.update(repeating: 0, count: inner)
                for place in 1..<max(size, 1) {
                    let row = unsafe a + place * inner
                    for index in 0..<inner {
                        let best = unsafe a[Int(y[index]) * inner + index]
                        if unsafe replaces(row[index], best) { unsafe y[index] = Int64(place) }
                    }
                }
            }
        }
    }
}
