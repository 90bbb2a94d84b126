/// A walk over all positions of a result, with the place in up to four operands that belongs to each.
///
/// Axes of one element are dropped, and neighbours that every operand crosses with one stride are merged, so that what
/// is left as the innermost row is as long as can be.
struct StridedLoop {
    struct Axis {
        var count: Int
        /// How far one step along the axis moves in each operand, in elements; zero where an operand is stretched.
        var strides: SIMD4<Int>
    }

    private let outer: [Axis]
    /// The innermost axis, which the body walks itself.
    let row: Axis

    /// - `sizes`: of the result, outermost first
    /// - `strides`: of each operand, one an axis of the result
    init(_ sizes: [Int], strides operands: [[Int]]) {
        var axes: [Axis] = []
        for (axis, count) in sizes.enumerated() where count != 1 {
            var strides = SIMD4<Int>()
            for (lane, operand) in operands.enumerated() { strides[lane] = operand[axis] }
            if let last = axes.last, last.strides == strides &* SIMD4(repeating: count) {
                axes[axes.count - 1] = Axis(count: last.count * count, strides: strides)
            } else {
                axes.append(Axis(count: count, strides: strides))
            }
        }
        row = axes.popLast() ?? Axis(count: 1, strides: SIMD4(repeating: 1))
        outer = axes
    }

    /// The strides of a row-major operand of `shape` that is stretched to `sizes` by numpy's rule.
    static func strides(of shape: Shape, stretchedTo sizes: [Int]) -> [Int] {
        let missing = sizes.count - shape.rank
        let own = rowMajorStrides(shape.dimensions)
        return sizes.indices.map { $0 < missing || shape[$0 - missing] == 1 ? 0 : own[$0 - missing] }
    }

    /// Calls the body with the offsets at which each row starts.
    @inline(__always)
    func forEachRow(_ body: (SIMD4<Int>) -> Void) {
        guard let inner = outer.last else { return body(SIMD4()) }
        for block in 0..<blocks {
            var offsets = start(ofBlock: block)
            for _ in 0..<inner.count {
                body(offsets)
                offsets &+= inner.strides
            }
        }
    }

    /// How often the axis next to the row is walked.
    private var blocks: Int {
        var product = 1
        for axis in outer.dropLast() { product *= axis.count }
        return product
    }

    private func start(ofBlock block: Int) -> SIMD4<Int> {
        var rest = block
        var offsets = SIMD4<Int>()
        for axis in outer.dropLast().reversed() {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: axis.count)
            offsets &+= axis.strides &* SIMD4(repeating: remainder)
            rest = quotient
        }
        return offsets
    }
}
