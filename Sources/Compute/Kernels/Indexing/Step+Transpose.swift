import COneDNN

extension Step {
    /// Reorders the axes: axis `i` of the result is axis `permutation[i]` of `x`. Any element type.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `permutation` names each axis once and `result` has those sizes.
    package static func transpose(
        _ x: Tensor, permutation: [Int], into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "a transposition keeps the type")
        guard permutation.sorted() == Array(x.shape.dimensions.indices) else {
            throw .shape(.unsuitable(operation: "transpose", x.shape, reason: "has no permutation \(permutation)"))
        }
        let sizes = permutation.map { x.shape[$0] }
        try result.shape.require(.of(sizes), for: "transpose")
        let own = rowMajorStrides(x.shape.dimensions)
        if x.type == .float32, x.shape.elementCount > 0 {
            let primitive = try Primitive(
                PrimitiveDescription(reorder: .strided(sizes, strides: permutation.map { own[$0] }), to: .plain(sizes)))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, x.source())
            try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
            return Step("transpose", keeping: [x, result], primitive.run)
        }
        let loop = StridedLoop(sizes, strides: [rowMajorStrides(sizes), permutation.map { own[$0] }])
        guard x.shape.elementCount > 0 else { return Step("transpose", keeping: []) {} }
        return switch x.type {
        case .float32, .int32: try move(x, loop, as: UInt32.self, into: result)
        case .int64: try move(x, loop, as: UInt64.self, into: result)
        case .bool: try move(x, loop, as: UInt8.self, into: result)
        }
    }

    private static func move<Element: BitwiseCopyable>(
        _ x: Tensor, _ loop: StridedLoop, as type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        let (count, stride) = (loop.row.count, loop.row.strides[1])
        return Step("transpose", keeping: [x, result]) {
            loop.forEachRow { offsets in
                // SAFETY: the loop stays inside the result's sizes, and the strides are those of `x`, permuted.
                let (y, a) = unsafe (y + offsets[0], a + offsets[1])
                if stride == 1 {
                    unsafe y.update(from: a, count: count)
                } else {
                    for index in 0..<count { unsafe y[index] = a[index &* stride] }
                }
            }
        }
    }
}
