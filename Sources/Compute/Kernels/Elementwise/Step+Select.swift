extension Step {
    /// Tests each element; `result` is bool.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func predicate(
        _ kind: PredicateKind, _ x: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(result.type == .bool, "an answer is a truth")
        try x.shape.require(result.shape, for: "predicate")
        let count = x.shape.elementCount
        let y = unsafe result.target(as: Truth.self)
        // SAFETY of the loops: both tensors hold `count` elements.
        switch kind {
        case .isNaN:
            let a = try unsafe x.source()
            return Step("isNaN", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = Truth(a[index] != a[index]) }
            }
        case .isInfinite(let positive, let negative):
            let a = try unsafe x.source()
            // NaN, which no number equals, switches a sign off.
            let (high, low) = (positive ? Float.infinity : .nan, negative ? -Float.infinity : .nan)
            return Step("isInfinite", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = Truth(a[index] == high || a[index] == low) }
            }
        case .not:
            let a = try unsafe x.source(as: Truth.self)
            return Step("not", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = Truth(!a[index].isTrue) }
            }
        }
    }

    /// Selects `left` where the condition is true, else `right`, all three under NumPy broadcasting; any element type.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    package static func select(
        _ condition: Tensor, _ left: Tensor, _ right: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(condition.type == .bool && left.type == right.type, "a truth chooses between two of one type")
        return switch left.type.byteCount {
        case 1: try select(condition, left, right, as: UInt8.self, into: result)
        case 4: try select(condition, left, right, as: UInt32.self, into: result)
        default: try select(condition, left, right, as: UInt64.self, into: result)
        }
    }

    private static func select<Element: BitwiseCopyable>(
        _ condition: Tensor, _ left: Tensor, _ right: Tensor, as type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(.broadcast(condition.shape, .broadcast(left.shape, right.shape)), for: "select")
        let sizes = result.shape.dimensions
        let loop = StridedLoop(
            sizes,
            strides: [
                rowMajorStrides(sizes), StridedLoop.strides(of: condition.shape, stretchedTo: sizes),
                StridedLoop.strides(of: left.shape, stretchedTo: sizes),
                StridedLoop.strides(of: right.shape, stretchedTo: sizes),
            ])
        let (c, a) = try unsafe (condition.source(as: Truth.self), left.source(as: type))
        let (b, y) = try unsafe (right.source(as: type), result.target(as: type))
        guard result.shape.elementCount > 0 else { return Step("select", keeping: []) {} }
        let (count, strides) = (loop.row.count, loop.row.strides)
        return Step("select", keeping: [condition, left, right, result]) {
            loop.forEachRow { offsets in
                // SAFETY: the loop stays inside the result's sizes, and the strides are those of the shapes.
                let (y, c, a, b) = unsafe (y + offsets[0], c + offsets[1], a + offsets[2], b + offsets[3])
                // Each stride is one or zero; the compiler vectorises only loops whose strides it knows.
                if strides[1] == 0 {
                    let chosen = unsafe c[0].isTrue ? a : b
                    let stride = unsafe c[0].isTrue ? strides[2] : strides[3]
                    if stride == 0 {
                        let value = unsafe chosen[0]
                        for index in 0..<count { unsafe y[index] = value }
                    } else {
                        for index in 0..<count { unsafe y[index] = chosen[index] }
                    }
                } else if strides[2] == 0, strides[3] == 0 {
                    let (one, other) = unsafe (a[0], b[0])
                    for index in 0..<count { unsafe y[index] = c[index].isTrue ? one : other }
                } else if strides[2] == 0 {
                    let one = unsafe a[0]
                    for index in 0..<count { unsafe y[index] = c[index].isTrue ? one : b[index] }
                } else if strides[3] == 0 {
                    let other = unsafe b[0]
                    for index in 0..<count { unsafe y[index] = c[index].isTrue ? a[index] : other }
                } else {
                    for index in 0..<count { unsafe y[index] = c[index].isTrue ? a[index] : b[index] }
                }
            }
        }
    }
}
