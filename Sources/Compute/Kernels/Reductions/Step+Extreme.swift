extension Step {
    /// The index of the greatest or least element on an axis; of any type but bool, the result int64.
    ///
    /// - `takesLast`: whether the last of equal elements counts instead of the first
    /// - `result`: the sizes of `x` on the other axes
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has as many elements as the other axes, and the axis is not
    ///   empty.
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
        let search = try unsafe ExtremeSearch(
            split: split, x: x.source(as: type), result: result.target(as: Int64.self))
        let operands = [x, result]
        return switch (kind, takesLast) {
        case (.maximum, false): Step("extreme", keeping: operands) { search.run { $0 > $1 } }
        case (.maximum, true): Step("extreme", keeping: operands) { search.run { $0 >= $1 } }
        case (.minimum, false): Step("extreme", keeping: operands) { search.run { $0 < $1 } }
        case (.minimum, true): Step("extreme", keeping: operands) { search.run { $0 <= $1 } }
        }
    }
}

@safe private struct ExtremeSearch<Element: BitwiseCopyable> {
    let split: AxisSplit
    let x: UnsafeMutablePointer<Element>
    let result: UnsafeMutablePointer<Int64>

    // SAFETY: `x` holds `outer * size * inner` elements, the result `outer * inner` places below `size`.
    @inline(__always)
    func run(_ replaces: (Element, Element) -> Bool) {
        let (size, inner) = (split.size, split.inner)
        for outer in 0..<split.outer {
            let (a, y) = unsafe (x + outer * size * inner, result + outer * inner)
            if inner == 1 {
                var (best, place) = unsafe (a[0], 0)
                for index in 1..<size where unsafe replaces(a[index], best) { (best, place) = unsafe (a[index], index) }
                unsafe y[0] = Int64(place)
                continue
            }
            unsafe y.update(repeating: 0, count: inner)
            for place in 1..<size {
                let row = unsafe a + place * inner
                for index in 0..<inner {
                    let best = unsafe a[Int(y[index]) &* inner &+ index]
                    if unsafe replaces(row[index], best) { unsafe y[index] = Int64(place) }
                }
            }
        }
    }
}
