import COneDNN

extension Step {
    /// Two operands under numpy's broadcasting; `result` may be the same view as an operand of its shape.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    package static func binary(
        _ kind: BinaryKind, _ left: Tensor, _ right: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(.broadcast(left.shape, right.shape), for: kind.rawValue)
        let sizes = result.shape.dimensions
        let rows = try unsafe BinaryRows(
            loop: StridedLoop(
                sizes,
                strides: [
                    rowMajorStrides(sizes),
                    StridedLoop.strides(of: left.shape, stretchedTo: sizes),
                    StridedLoop.strides(of: right.shape, stretchedTo: sizes),
                ]),
            left: left.source(), right: right.source(), result: result.target())
        let operands = [left, right, result]
        guard result.shape.elementCount > 0 else { return Step(kind.rawValue, keeping: []) {} }
        if left.shape == right.shape, result.shape.elementCount >= manyElements {
            let primitive = try Primitive(.binary(kind, count: result.shape.elementCount))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, left.source())
            try unsafe primitive.bind(DNNL_ARG_SRC_1, right.source())
            try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
            return Step(kind.rawValue, keeping: operands, primitive.run)
        }
        return switch kind {
        case .add: Step(kind.rawValue, keeping: operands) { rows.run { $0 + $1 } }
        case .subtract: Step(kind.rawValue, keeping: operands) { rows.run { $0 - $1 } }
        case .multiply: Step(kind.rawValue, keeping: operands) { rows.run { $0 * $1 } }
        case .divide: Step(kind.rawValue, keeping: operands) { rows.run { $0 / $1 } }
        }
    }

    /// `result += x`, of one shape.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func accumulate(_ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        try x.shape.require(result.shape, for: "accumulate")
        return try binary(.add, result, x, into: result)
    }
}

/// The rows of a broadcast pair; in each a stride is one, or zero where the operand is stretched.
@safe private struct BinaryRows {
    let loop: StridedLoop
    let left: UnsafeMutablePointer<Float>
    let right: UnsafeMutablePointer<Float>
    let result: UnsafeMutablePointer<Float>

    @inline(__always)
    func run(_ operation: (Float, Float) -> Float) {
        let count = loop.row.count
        let stretchesLeft = loop.row.strides[1] == 0
        let stretchesRight = loop.row.strides[2] == 0
        loop.forEachRow { offsets in
            // SAFETY: the loop stays inside the result's sizes, and the strides are those of the operands' shapes.
            let y = unsafe result + offsets[0]
            let a = unsafe left + offsets[1]
            let b = unsafe right + offsets[2]
            if stretchesLeft {
                let value = unsafe a[0]
                for index in 0..<count { unsafe y[index] = operation(value, b[index]) }
            } else if stretchesRight {
                let value = unsafe b[0]
                for index in 0..<count { unsafe y[index] = operation(a[index], value) }
            } else {
                for index in 0..<count { unsafe y[index] = operation(a[index], b[index]) }
            }
        }
    }
}

extension PrimitiveDescription {
    /// Two operands of `count` elements each.
    fileprivate static func binary(_ kind: BinaryKind, count: Int) throws(ComputeError) -> PrimitiveDescription {
        let algorithm =
            switch kind {
            case .add: dnnl_binary_add
            case .subtract: dnnl_binary_sub
            case .multiply: dnnl_binary_mul
            case .divide: dnnl_binary_div
            }
        var layout = try Layout.plain([count])
        var operation = dnnl_binary_desc_t()
        try oneDNN("dnnl_binary_desc_init") {
            unsafe dnnl_binary_desc_init(&operation, algorithm, &layout, &layout, &layout)
        }
        return try unsafe PrimitiveDescription(&operation)
    }
}
