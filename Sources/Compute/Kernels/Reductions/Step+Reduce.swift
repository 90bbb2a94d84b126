import Glibc

extension Step {
    /// Reduces some axes of floats or integers; ``ReduceKind/l2`` and the logarithms take only floats.
    ///
    /// - `result`: the sizes of `x` on the other axes, with or without ones for the reduced axes
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has as many elements as the other axes.
    package static func reduce(
        _ kind: ReduceKind, _ x: Tensor, axes: [Int], into result: Tensor
    ) throws(ComputeError) -> Step {
        if x.block > 1 {
            precondition(kind == .sum && axes.sorted() == [0, 2, 3], "of blocks only the channels are summed")
            return try channelSums(x, into: result)
        }
        let walk = try Reduction(x.shape, axes: axes, into: result.shape)
        precondition(x.type == result.type, "a reduction keeps the type")
        return switch x.type {
        case .float32: try floatReduce(kind, x, walk, axes, into: result)
        case .int64: try integerReduce(kind, x, walk, of: Int64.self, into: result)
        case .int32: try integerReduce(kind, x, walk, of: Int32.self, into: result)
        case .bool: throw .shape(.unsuitable(operation: kind.rawValue, x.shape, reason: "is of truths"))
        }
    }

    private static func floatReduce(
        _ kind: ReduceKind, _ x: Tensor, _ walk: Reduction, _ axes: [Int], into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(), result.target())
        let (results, operands) = (walk.results, [x, result])
        // SAFETY of what follows: the walk stays inside the sizes of `x`, and `result` has `results` elements.
        switch kind {
        case .sum:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.sum(a, into: y, of: { $0 }) }
        case .mean:
            let share = Float(results) / Float(x.shape.elementCount)
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.sum(a, into: y, of: { $0 })
                guard !walk.isEmpty else { return }
                for index in 0..<results { unsafe y[index] *= share }
            }
        case .sumSquare:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.sum(a, into: y, of: { $0 * $0 }) }
        case .l1:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.sum(a, into: y, of: { $0.replacing(with: -$0, where: $0 .< 0) })
            }
        case .l2:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.sum(a, into: y, of: { $0 * $0 })
                for index in 0..<results { unsafe y[index] = y[index].squareRoot() }
            }
        case .logSum:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.sum(a, into: y, of: { $0 })
                for index in 0..<results { unsafe y[index] = logf(y[index]) }
            }
        case .maximum:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.maximum(a, into: y) }
        case .minimum:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.foldLanes(a, into: y, from: .infinity, smaller) { left, right in
                    right.replacing(with: left, where: left .< right .| left .!= left)
                }
            }
        case .product:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.foldLanes(a, into: y, from: 1) {
                    $0 * $1
                } lanes: {
                    $0 * $1
                }
            }
        case .logSumExp:
            return try logSumExp(x, walk, into: result)
        }
    }

    /// The logarithm of the sum of exponentials. The largest element is subtracted first, so that no exponential
    /// overflows.
    private static func logSumExp(
        _ x: Tensor, _ walk: Reduction, into result: Tensor
    ) throws(ComputeError) -> Step {
        let exponentials = try Tensor.scratch(x.shape)
        let largest = try Tensor.scratch(walk.kept)
        let centre = try binary(.subtract, x, largest, into: exponentials)
        let exponential = try unary(.exp, exponentials, into: exponentials)
        let (a, e) = try unsafe (x.source(), exponentials.target())
        let (m, y) = unsafe (largest.target(), result.target())
        return Step("logSumExp", keeping: [x, exponentials, largest, result]) {
            // SAFETY: as in `floatReduce`; the scratch tensors have the shapes of `x` and of the result.
            unsafe walk.maximum(a, into: m)
            // An infinity minus itself would be NaN.
            for index in 0..<walk.results where unsafe m[index].isInfinite { unsafe m[index] = 0 }
            centre.run()
            exponential.run()
            unsafe walk.sum(e, into: y, of: { $0 })
            for index in 0..<walk.results { unsafe y[index] = logf(y[index]) + m[index] }
        }
    }

    private static func integerReduce<Element: FixedWidthInteger & BitwiseCopyable>(
        _ kind: ReduceKind, _ x: Tensor, _ walk: Reduction, of type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        let (results, operands) = (walk.results, [x, result])
        let count = Element(truncatingIfNeeded: x.shape.elementCount / max(1, results))
        // SAFETY: as in `floatReduce`.
        switch kind {
        case .sum:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.fold(a, into: y, from: 0, &+) }
        case .mean:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.fold(a, into: y, from: 0, &+)
                for index in 0..<results { unsafe y[index] = totalQuotient(y[index], count) }
            }
        case .maximum:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.fold(a, into: y, from: .min, larger) }
        case .minimum:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.fold(a, into: y, from: .max, smaller) }
        case .product:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.fold(a, into: y, from: 1, &*) }
        case .sumSquare:
            return Step(kind.rawValue, keeping: operands) { unsafe walk.fold(a, into: y, from: 0) { $0 &+ $1 &* $1 } }
        case .l1:
            return Step(kind.rawValue, keeping: operands) {
                unsafe walk.fold(a, into: y, from: 0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) }
            }
        case .l2, .logSum, .logSumExp:
            throw .shape(.unsuitable(operation: kind.rawValue, x.shape, reason: "is of integers"))
        }
    }

    /// The gradient of a product with respect to `x`: `dy` times the product of the other elements. If exactly one
    /// element is zero, only its own gradient is not.
    ///
    /// - `dy`: as many elements as `x` has on the other axes
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func productBackward(
        _ x: Tensor, axes: [Int], dy: Tensor, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try dx.shape.require(x.shape, for: "product backward")
        let walk = try Reduction(x.shape, axes: axes, into: dy.shape)
        let (products, zeros) = try (Tensor.scratch(walk.kept), Tensor.scratch(walk.kept))
        let (a, g, d) = try unsafe (x.source(), dy.source(), dx.target())
        let (p, z) = unsafe (products.target(), zeros.target())
        return Step("product backward", keeping: [x, dy, dx, products, zeros]) {
            // SAFETY: as in `floatReduce`; the scratch tensors hold one element per result.
            unsafe walk.fold(a, into: p, from: 1) { $1 == 0 ? $0 : $0 * $1 }
            unsafe walk.fold(a, into: z, from: 0) { $1 == 0 ? $0 + 1 : $0 }
            walk.forEach { result, element in
                let (value, count) = unsafe (a[element], z[result])
                let others = unsafe value == 0 ? (count == 1 ? p[result] : 0) : (count == 0 ? p[result] / value : 0)
                unsafe d[element] = g[result] * others
            }
        }
    }
}

extension Reduction {
    /// The largest elements; NaN if any is NaN.
    // SAFETY: as in `foldLanes`.
    fileprivate func maximum(_ x: UnsafeMutablePointer<Float>, into result: UnsafeMutablePointer<Float>) {
        unsafe foldLanes(x, into: result, from: -.infinity, larger) { left, right in
            right.replacing(with: left, where: left .> right .| left .!= left)
        }
    }
}
