import Compute

// Shape inference of the ops on axes and indices.
extension Op {
    /// The range of padding counts: no tensor has a longer axis, and sums of such counts cannot overflow.
    private static let padLimit = -(1 << 56)...(1 << 56)

    static func normType(_ operands: [ValueType], axes: Int) throws(ShapeError) -> ValueType {
        let shape = operands[0].shape
        guard axes > 0, axes <= shape.rank else {
            throw .unsuitable(operation: "LayerNormalization", shape, reason: "has no last \(axes) axes")
        }
        for factor in operands.dropFirst() where factor.shape.dimensions != shape.dimensions.suffix(axes) {
            throw .mismatch(operation: "LayerNormalization", shape, factor.shape)
        }
        return operands[0]
    }

    static func padShape(
        _ shapes: [Shape], _ kind: PadKind, _ before: [Int], _ after: [Int]
    ) throws(ShapeError) -> Shape {
        let shape = shapes[0]
        guard before.count == shape.rank, after.count == shape.rank else {
            throw .unsuitable(operation: "Pad", shape, reason: "has not \(before.count) axes to pad")
        }
        var sizes: [Int] = []
        for axis in shape.dimensions.indices {
            let isSmall = padLimit.contains(before[axis]) && padLimit.contains(after[axis])
            let size = isSmall ? shape[axis] + before[axis] + after[axis] : -1
            guard size >= 0, kind == .constant || shape[axis] > 0 || size == 0 else {
                throw .unsuitable(
                    operation: "Pad", shape, reason: "cannot grow by \(before[axis]) and \(after[axis]) on axis \(axis)"
                )
            }
            sizes.append(size)
        }
        if shapes.count > 1, shapes[1].elementCount != 1 {
            throw .unsuitable(operation: "Pad", shapes[1], reason: "is not one value")
        }
        return try Shape(sizes)
    }

    /// Checks that indices name places in a tensor of `shape` that differ from their own on one axis only.
    static func checkElements(_ shape: Shape, _ indices: Shape, axis: Int) throws(ShapeError) {
        guard shape.dimensions.indices.contains(axis), indices.rank == shape.rank,
            shape.dimensions.indices.allSatisfy({ $0 == axis || indices[$0] <= shape[$0] })
        else { throw .mismatch(operation: "GatherElements", shape, indices) }
    }

    /// The shape `[B..., I..., R...]` for a tensor `[B..., D..., R...]` and indices `[B..., I..., count of D]`.
    static func partsShape(_ shape: Shape, _ indices: Shape, batchAxes: Int) throws(ShapeError) -> Shape {
        guard batchAxes >= 0, batchAxes < indices.rank, batchAxes <= shape.rank, let count = indices.dimensions.last,
            count <= shape.rank - batchAxes,
            shape.dimensions[..<batchAxes] == indices.dimensions[..<batchAxes]
        else { throw .mismatch(operation: "GatherND", shape, indices) }
        return try Shape(indices.dimensions.dropLast() + shape.dimensions[(batchAxes + count)...])
    }
}

extension ValueType {
    /// - Throws: ``ShapeError`` unless the shape has that axis.
    func requiring(axis: Int, for operation: String) throws(ShapeError) -> ValueType {
        guard shape.dimensions.indices.contains(axis) else {
            throw .unsuitable(operation: operation, shape, reason: "has no axis \(axis)")
        }
        return self
    }
}

extension Shape {
    /// The shape with one size replaced by several.
    func replacing(_ axis: Int, with sizes: [Int]) throws(ShapeError) -> Shape {
        try Shape(dimensions[..<axis] + sizes + dimensions[(axis + 1)...])
    }
}
