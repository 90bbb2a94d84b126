extension Step {
    /// The cumulative sums along an axis, of any type but bool.
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
        case .float32: try cumulativeSum(x, split, isExclusive, isReversed, of: Float.self, into: result)
        case .int64: try cumulativeSum(x, split, isExclusive, isReversed, of: Int64.self, into: result)
        case .int32: try cumulativeSum(x, split, isExclusive, isReversed, of: Int32.self, into: result)
        case .bool: throw .shape(.unsuitable(operation: "cumulativeSum", x.shape, reason: "is of truths"))
        }
    }

    private static func cumulativeSum<Element: Summand>(
        _ x: Tensor, _ split: AxisSplit, _ isExclusive: Bool, _ isReversed: Bool, of type: Element.Type,
        into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        let (size, inner) = (split.size, split.inner)
        return Step("cumulativeSum", keeping: [x, result]) {
            guard size > 0 else { return }
            for outer in 0..<split.outer {
                // SAFETY: both hold `outer * size * inner` elements; each row is one of them.
                let (a, y) = unsafe (a + outer * size * inner, y + outer * size * inner)
                if inner == 1 {
                    var sum = Element.zero
                    for place in 0..<size {
                        let row = isReversed ? size - 1 - place : place
                        let next = unsafe Element.sum(sum, a[row])
                        unsafe y[row] = isExclusive ? sum : next
                        sum = next
                    }
                    continue
                }
                for place in 0..<size {
                    let row = isReversed ? size - 1 - place : place
                    let before = isReversed ? row + 1 : row - 1
                    let to = unsafe y + row * inner
                    if place == 0, isExclusive {
                        unsafe to.update(repeating: .zero, count: inner)
                    } else if place == 0 {
                        unsafe to.update(from: a + row * inner, count: inner)
                    } else {
                        let (last, from) = unsafe (y + before * inner, a + (isExclusive ? before : row) * inner)
                        for index in 0..<inner { unsafe to[index] = .sum(last[index], from[index]) }
                    }
                }
            }
        }
    }
}

/// An element whose sums never trap.
private protocol Summand: BitwiseCopyable {
    static var zero: Self { get }
    static func sum(_ left: Self, _ right: Self) -> Self
}

extension Float: Summand {
    @inline(__always)
    fileprivate static func sum(_ left: Float, _ right: Float) -> Float { left + right }
}

extension Int64: Summand {
    @inline(__always)
    fileprivate static func sum(_ left: Int64, _ right: Int64) -> Int64 { left &+ right }
}

extension Int32: Summand {
    @inline(__always)
    fileprivate static func sum(_ left: Int32, _ right: Int32) -> Int32 { left &+ right }
}
