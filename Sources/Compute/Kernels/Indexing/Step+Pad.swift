import Glibc

extension Step {
    /// Pads `x`, or crops it where a count is negative; any element type.
    ///
    /// - `before`: the number of elements on each axis, as is `after`
    /// - `value`: one element, for ``PadKind/constant``; else zero
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has those sizes and there is something to repeat.
    package static func pad(
        _ kind: PadKind, _ x: Tensor, value: Tensor? = nil, before: [Int], after: [Int], into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type && value?.type ?? x.type == x.type, "a padding keeps the type")
        let rows = try PaddedRows(kind, inside: x.shape, before: before, after: after, outside: result.shape)
        return switch x.type.byteCount {
        case 1: try pad(x, rows, value, as: UInt8.self, into: result)
        case 4: try pad(x, rows, value, as: UInt32.self, into: result)
        default: try pad(x, rows, value, as: UInt64.self, into: result)
        }
    }

    /// The gradient of ``pad(_:_:value:before:after:into:)`` with respect to `x`: repeated elements are summed, in
    /// order.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func padBackward(
        _ kind: PadKind, dy: Tensor, before: [Int], after: [Int], into dx: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try PaddedRows(kind, inside: dx.shape, before: before, after: after, outside: dy.shape)
        let (g, d) = try unsafe (dy.source(), dx.target())
        let count = dx.shape.elementCount
        return Step("pad backward", keeping: [dy, dx]) {
            // SAFETY: `dx` holds `count` elements, which include all places that are not negative.
            unsafe d.update(repeating: 0, count: count)
            for (row, start) in rows.starts.enumerated() where start >= 0 {
                let (g, d) = unsafe (g + row * rows.width, d + start)
                for index in 0..<rows.width where rows.places[index] >= 0 {
                    unsafe d[rows.places[index]] += g[index]
                }
            }
        }
    }

    private static func pad<Element: BitwiseCopyable & FixedWidthInteger>(
        _ x: Tensor, _ rows: PaddedRows, _ value: Tensor?, as type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        let filling = try unsafe value?.source(as: type)
        let (width, run) = (rows.width, rows.run)
        return Step("pad", keeping: [x, result] + [value].compactMap { $0 }) {
            // SAFETY: the rows fill the result, and all places that are not negative lie inside `x`.
            let filling = unsafe filling?[0] ?? 0
            for (row, start) in rows.starts.enumerated() {
                let y = unsafe y + row * width
                guard start >= 0 else {
                    unsafe y.update(repeating: filling, count: width)
                    continue
                }
                let a = unsafe a + start
                for index in 0..<run.lowerBound {
                    let place = rows.places[index]
                    unsafe y[index] = place < 0 ? filling : a[place]
                }
                if !run.isEmpty {
                    unsafe (y + run.lowerBound).update(from: a + rows.places[run.lowerBound], count: run.count)
                }
                for index in run.upperBound..<width {
                    let place = rows.places[index]
                    unsafe y[index] = place < 0 ? filling : a[place]
                }
            }
        }
    }
}

/// The rows of a padded tensor, with the source of each element in the tensor inside.
private struct PaddedRows {
    /// The start in the tensor inside of the source of each row; -1 for none.
    let starts: [Int]
    /// The place in that source row of each element of a row; -1 for none.
    let places: [Int]
    /// The elements whose sources are consecutive.
    let run: Range<Int>
    var width: Int { places.count }

    init(_ kind: PadKind, inside: Shape, before: [Int], after: [Int], outside: Shape) throws(ComputeError) {
        guard before.count == inside.rank, after.count == inside.rank, outside.rank == inside.rank,
            outside.dimensions.indices.allSatisfy({ outside[$0] == inside[$0] + before[$0] + after[$0] }),
            kind == .constant || inside.elementCount > 0 || outside.elementCount == 0
        else { throw .shape(.mismatch(operation: "pad", inside, outside)) }
        let strides = rowMajorStrides(inside.dimensions)
        var axes = outside.dimensions.indices.map { axis in
            (0..<outside[axis]).map { kind.place($0 - before[axis], of: inside[axis]) }
        }
        // Trailing axes without padding are merged with the axis before them.
        var unit = 1
        while axes.count > 1, let last = axes.last, last.elementsEqual(0..<inside[axes.count - 1]) {
            unit *= last.count
            axes.removeLast()
        }
        let row = axes.popLast() ?? [0]
        places = row.flatMap { place in (0..<unit).map { place < 0 ? -1 : place * unit + $0 } }
        let first = places.firstIndex { $0 >= 0 } ?? 0
        // In the run places grow by one; a mirrored or other copy may precede it.
        let inner = places.firstIndex(of: 0) ?? first
        let start = kind == .constant ? first : inner
        var end = start
        while end < places.count, places[end] >= 0, places[end] == places[start] + end - start { end += 1 }
        run = start..<end
        var starts = [0]
        for (axis, table) in axes.enumerated() {
            starts = starts.flatMap { start in
                table.map { place in start < 0 || place < 0 ? -1 : start + place * strides[axis] }
            }
        }
        self.starts = starts
    }
}

extension PadKind {
    /// The place copied to `index`, which may lie outside an axis of `size`; -1 for none.
    fileprivate func place(_ index: Int, of size: Int) -> Int {
        if (0..<size).contains(index) || size == 0 { return size == 0 ? -1 : index }
        switch self {
        case .constant: return -1
        case .edge: return min(max(index, 0), size - 1)
        case .wrap: return ((index % size) + size) % size
        case .reflect:
            guard size > 1 else { return 0 }
            let period = 2 * (size - 1)
            let place = ((index % period) + period) % period
            return place < size ? place : period - place
        }
    }
}
