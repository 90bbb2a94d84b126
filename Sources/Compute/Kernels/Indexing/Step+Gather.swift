import Glibc

extension Step {
    /// Gathers the parts of `x` at `indices` of one axis, which the sizes of `indices` replace; zeros for an index out
    /// of range. Any element type.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func gather(
        _ x: Tensor, indices: Tensor, axis: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "parts keep the type")
        let split = try AxisSplit(x.shape, axis: axis, "gather")
        try result.shape.require(.replacing(axis, of: x.shape, with: indices.shape), for: "gather")
        let places = try Indices(indices)
        let (from, to) = unsafe (x.readableBytes, result.writableBytes)
        let part = split.inner * x.type.byteCount
        return Step("gather", keeping: [x, indices, result]) {
            guard part > 0 else { return }
            for outer in 0..<split.outer {
                let source = unsafe from + outer * split.size * part
                let target = unsafe to + outer * places.count * part
                for position in 0..<places.count {
                    // SAFETY: the place lies on the axis, and the result has as many parts as there are indices.
                    if let place = places.place(position, size: split.size) {
                        unsafe memcpy(target + position * part, source + place * part, part)
                    } else {
                        unsafe memset(target + position * part, 0, part)
                    }
                }
            }
        }
    }

    /// The gradient of ``gather(_:indices:axis:into:)`` with respect to `x`: each part of `dy` is added where it came
    /// from, in order.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func gatherBackward(
        indices: Tensor, dy: Tensor, axis: Int, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let split = try AxisSplit(dx.shape, axis: axis, "gather backward")
        try dy.shape.require(.replacing(axis, of: dx.shape, with: indices.shape), for: "gather backward")
        let places = try Indices(indices)
        let (g, d) = try unsafe (dy.source(), dx.target())
        let (inner, count) = (split.inner, dx.shape.elementCount)
        // SAFETY: as in `gather`.
        return Step("gather backward", keeping: [indices, dy, dx]) {
            unsafe d.update(repeating: 0, count: count)
            for outer in 0..<split.outer {
                for position in 0..<places.count {
                    guard let place = places.place(position, size: split.size) else { continue }
                    let g = unsafe g + (outer * places.count + position) * inner
                    let d = unsafe d + (outer * split.size + place) * inner
                    for index in 0..<inner { unsafe d[index] += g[index] }
                }
            }
        }
    }

    /// Gathers for each index the element of `x` at the same position, except that the index replaces one coordinate;
    /// zero for an index out of range. Any element type.
    ///
    /// - `indices`: like `result`, of the rank of `x` and no longer than `x` except on the axis
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func gatherElements(
        _ x: Tensor, indices: Tensor, axis: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "elements keep the type")
        try result.shape.require(indices.shape, for: "gatherElements")
        let walk = try ElementWalk(x.shape, indices, axis: axis, "gatherElements")
        return switch x.type.byteCount {
        case 1: try gatherElements(x, walk, as: UInt8.self, indices, into: result)
        case 4: try gatherElements(x, walk, as: UInt32.self, indices, into: result)
        default: try gatherElements(x, walk, as: UInt64.self, indices, into: result)
        }
    }

    private static func gatherElements<Element: BitwiseCopyable & FixedWidthInteger>(
        _ x: Tensor, _ walk: ElementWalk, as type: Element.Type, _ indices: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        return Step("gatherElements", keeping: [x, indices, result]) {
            // SAFETY: the walk names places inside `x`, and the result has the shape of the indices.
            inParallel(walk.pieceCount, grain: walk.grain) { pieces, _ in
                walk.forEach(pieces) { position, place in unsafe y[position] = place.map { unsafe a[$0] } ?? 0 }
            }
        }
    }

    /// Gathers for each tuple of indices the part of `x` that it names; zeros for a tuple out of range. Any element
    /// type.
    ///
    /// - `x`: `[B..., D..., rest...]`, with as many `B` as `batchAxes` and as many `D` as a tuple is long
    /// - `indices`: `[B..., I..., length]`
    /// - `result`: `[B..., I..., rest...]`
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func gatherND(
        _ x: Tensor, indices: Tensor, batchAxes: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "parts keep the type")
        let tuples = try IndexTuples(x.shape, indices, batchAxes: batchAxes, "gatherND")
        try result.shape.require(.of(tuples.partSizes), for: "gatherND")
        let (from, to) = unsafe (x.readableBytes, result.writableBytes)
        let part = tuples.partCount * x.type.byteCount
        return Step("gatherND", keeping: [x, indices, result]) {
            guard part > 0 else { return }
            inParallel(tuples.pieceCount, grain: tuples.grain) { pieces, _ in
                tuples.forEach(pieces) { position, place in
                    // SAFETY: the place is of a part inside `x`, and the result has a part for each tuple.
                    if let place {
                        unsafe memcpy(to + position * part, from + place * part, part)
                    } else {
                        unsafe memset(to + position * part, 0, part)
                    }
                }
            }
        }
    }
}

extension Shape {
    /// The sizes of `shape` with one size replaced by several.
    fileprivate static func replacing(
        _ axis: Int, of shape: Shape, with sizes: Shape
    ) throws(ComputeError) -> Shape {
        let axis = shape.axis(axis) ?? 0
        return try of(shape.dimensions[..<axis] + sizes.dimensions + shape.dimensions[(axis + 1)...])
    }
}
