extension Step {
    /// The running sums along an axis, of any type but bool.
    ///
    /// - `isExclusive`: whether each sum leaves out its own element
    /// - `isReversed`: whether the sums run from the end
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal and have that axis.
    package static func cumulativeSum(
        _ x: Tensor, axis: Int, isExclusive: Bool, isReversed: Bool, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(x.shape, for: "cumulativeSum")
        let split = try AxisSplit(x.shape, axis: axis, "cumulativeSum")
        return switch x.type {
        case .float32: try cumulativeSum(x, split, isExclusive, isReversed, of: Float.self, into: result, +)
        case .int64: try cumulativeSum(x, split, isExclusive, isReversed, of: Int64.self, into: result, &+)
        case .int32: try cumulativeSum(x, split, isExclusive, isReversed, of: Int32.self, into: result, &+)
        case .bool: throw .shape(.unsuitable(operation: "cumulativeSum", x.shape, reason: "is of truths"))
        }
    }

    @inline(__always)
    private static func cumulativeSum<Element: BitwiseCopyable & Numeric>(
        _ x: Tensor, _ split: AxisSplit, _ isExclusive: Bool, _ isReversed: Bool, of type: Element.Type,
        into result: Tensor, _ add: @escaping (Element, Element) -> Element
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        let (size, inner) = (split.size, split.inner)
        return Step("cumulativeSum", keeping: [x, result]) {
            guard size > 0 else { return }
            for outer in 0..<split.outer {
                // SAFETY: both hold `outer * size * inner` elements; each row is one of them.
                let (a, y) = unsafe (a + outer * size * inner, y + outer * size * inner)
                for place in 0..<size {
                    let row = isReversed ? size - 1 - place : place
                    let before = isReversed ? row + 1 : row - 1
                    let (to, last) = unsafe (y + row * inner, y + before * inner)
                    let from = unsafe a + (isExclusive ? before : row) * inner
                    if place == 0 {
                        if isExclusive {
                            unsafe to.update(repeating: 0, count: inner)
                        } else {
                            unsafe to.update(from: from, count: inner)
                        }
                    } else {
                        for index in 0..<inner { unsafe to[index] = add(last[index], from[index]) }
                    }
                }
            }
        }
    }
}
