import COneDNN

extension Step {
    /// `exp(x) / sum(exp(x))` along an axis; `result` may be the same view as `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal and have that axis.
    package static func softmax(_ x: Tensor, axis: Int, into result: Tensor) throws(ComputeError) -> Step {
        try softmax(x, axis: axis, dnnl_softmax_accurate, into: result)
    }

    /// The logarithm of the softmax along an axis.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal and have that axis.
    package static func logSoftmax(_ x: Tensor, axis: Int, into result: Tensor) throws(ComputeError) -> Step {
        try softmax(x, axis: axis, dnnl_softmax_log, into: result)
    }

    /// The gradient of the softmax; `dx` may be the same view as `dy`.
    ///
    /// - `y`: the softmax's result
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal and have that axis.
    package static func softmaxBackward(
        y: Tensor, dy: Tensor, axis: Int, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try softmaxBackward(y: y, dy: dy, axis: axis, dnnl_softmax_accurate, into: dx)
    }

    /// The gradient of the logarithm of the softmax; `dx` may be the same view as `dy`.
    ///
    /// - `y`: the result of ``logSoftmax(_:axis:into:)``
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal and have that axis.
    package static func logSoftmaxBackward(
        y: Tensor, dy: Tensor, axis: Int, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try softmaxBackward(y: y, dy: dy, axis: axis, dnnl_softmax_log, into: dx)
    }

    private static func softmaxBackward(
        y: Tensor, dy: Tensor, axis: Int, _ algorithm: dnnl_alg_kind_t, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try dy.shape.require(y.shape, for: "softmax backward")
        try dx.shape.require(y.shape, for: "softmax backward")
        let sizes = try around(axis, of: y.shape)
        guard y.shape.elementCount > 0 else { return Step("softmax backward", keeping: []) {} }
        if sizes.count == 3 {
            return try softmaxAcrossBackward(
                y: y, dy: dy, sizes[0], sizes[1], sizes[2], isLogarithm: algorithm == dnnl_softmax_log, into: dx)
        }
        var layout = try Layout.plain(sizes)
        var operation = dnnl_softmax_v2_desc_t()
        try oneDNN("dnnl_softmax_v2_backward_desc_init") {
            unsafe dnnl_softmax_v2_backward_desc_init(&operation, algorithm, &layout, &layout, &layout, 1)
        }
        let forward = try PrimitiveDescription.softmax(sizes, algorithm)
        let primitive = try unsafe Primitive(PrimitiveDescription(&operation, forward: forward))
        try unsafe primitive.bind(DNNL_ARG_DST_0, y.source())
        try unsafe primitive.bind(DNNL_ARG_DIFF_DST_0, dy.source())
        try unsafe primitive.bind(DNNL_ARG_DIFF_SRC_0, dx.target())
        return Step("softmax backward", keeping: [y, dy, dx], primitive.run)
    }

    private static func softmax(
        _ x: Tensor, axis: Int, _ algorithm: dnnl_alg_kind_t, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(x.shape, for: "softmax")
        let sizes = try around(axis, of: x.shape)
        guard x.shape.elementCount > 0 else { return Step("softmax", keeping: []) {} }
        if sizes.count == 3 {
            return try softmaxAcross(
                x, sizes[0], sizes[1], sizes[2], isLogarithm: algorithm == dnnl_softmax_log, into: result)
        }
        let primitive = try Primitive(.softmax(sizes, algorithm))
        try unsafe primitive.bind(DNNL_ARG_SRC_0, x.source())
        try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
        return Step("softmax", keeping: [x, result], primitive.run)
    }

    /// The products of the sizes before, on and after an axis; the last is left out if it is one.
    private static func around(_ axis: Int, of shape: Shape) throws(ComputeError) -> [Int] {
        guard let axis = shape.axis(axis) else {
            throw .shape(.unsuitable(operation: "softmax", shape, reason: "has no axis \(axis)"))
        }
        let sizes = shape.dimensions
        let outer = sizes[..<axis].reduce(1, *)
        let inner = sizes[(axis + 1)...].reduce(1, *)
        return inner == 1 ? [outer, sizes[axis]] : [outer, sizes[axis], inner]
    }
}

extension PrimitiveDescription {
    /// Describes a softmax along the second of the sizes.
    fileprivate static func softmax(
        _ sizes: [Int], _ algorithm: dnnl_alg_kind_t
    ) throws(ComputeError) -> PrimitiveDescription {
        var layout = try Layout.plain(sizes)
        var operation = dnnl_softmax_v2_desc_t()
        try oneDNN("dnnl_softmax_v2_forward_desc_init") {
            unsafe dnnl_softmax_v2_forward_desc_init(
                &operation, dnnl_forward_training, algorithm, &layout, &layout, 1)
        }
        return try unsafe PrimitiveDescription(&operation)
    }
}
