/// A loop over all positions of a result, with the matching offsets in up to eight operands.
///
/// Axes of size one are dropped, and adjacent axes that every operand crosses with one stride are merged, so that the
/// innermost row is as long as possible.
struct StridedLoop {
    struct Axis {
        var count: Int
        /// The stride along the axis in each operand, in elements; zero where an operand is broadcast.
        var strides: SIMD8<Int>
    }

    private let outer: [Axis]
    /// The innermost axis, which the body loops over itself.
    let row: Axis

    /// - `sizes`: the sizes of the result, outermost first
    /// - `strides`: the strides of each operand, one per axis of the result
    init(_ sizes: [Int], strides operands: [[Int]]) {
        var axes: [Axis] = []
        for (axis, count) in sizes.enumerated() where count != 1 {
            var strides = SIMD8<Int>()
            for (lane, operand) in operands.enumerated() { strides[lane] = operand[axis] }
            if let last = axes.last, last.strides == strides &* SIMD8(repeating: count) {
                axes[axes.count - 1] = Axis(count: last.count * count, strides: strides)
            } else {
                axes.append(Axis(count: count, strides: strides))
            }
        }
        row = axes.popLast() ?? Axis(count: 1, strides: SIMD8(repeating: 1))
        outer = axes
    }

    /// The strides of a row-major operand of `shape` that is broadcast to `sizes`.
    static func strides(of shape: Shape, stretchedTo sizes: [Int]) -> [Int] {
        let missing = sizes.count - shape.rank
        let own = rowMajorStrides(shape.dimensions)
        return sizes.indices.map { $0 < missing || shape[$0 - missing] == 1 ? 0 : own[$0 - missing] }
    }

    /// Calls the body with the offsets at which each row starts.
    @inline(__always)
    func forEachRow(_ body: (SIMD8<Int>) -> Void) { forEachRow(0..<rowCount, body) }

    /// Calls the body with the offsets at which each of `rows` starts.
    @inline(__always)
    func forEachRow(_ rows: Range<Int>, _ body: (SIMD8<Int>) -> Void) {
        guard let inner = outer.last else {
            if !rows.isEmpty { body(SIMD8()) }
            return
        }
        var row = rows.lowerBound
        while row < rows.upperBound {
            // Continues to the end of the axis next to the row.
            let end = min(rows.upperBound, row - row % inner.count + inner.count)
            var offsets = start(ofRow: row)
            while row < end {
                body(offsets)
                offsets &+= inner.strides
                row &+= 1
            }
        }
    }

    var rowCount: Int {
        var product = 1
        for axis in outer { product *= axis.count }
        return product
    }

    /// The number of rows worth a thread.
    var grain: Int { max(1, manyElements / max(1, row.count)) }

    private func start(ofRow row: Int) -> SIMD8<Int> {
        var rest = row
        var offsets = SIMD8<Int>()
        for axis in outer.reversed() {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: axis.count)
            offsets &+= axis.strides &* SIMD8(repeating: remainder)
            rest = quotient
        }
        return offsets
    }
}
