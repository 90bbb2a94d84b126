import COneDNN

// N samples, C channels; `...` are one to three spatial sizes.
extension Step {
    /// The largest element under each window; padding is never the largest.
    ///
    /// - `x`: `[N, C, ...]`
    /// - `result`: `[N, C, ...]`
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func maxPool(_ x: Tensor, window: Window, into result: Tensor) throws(ComputeError) -> Step {
        let pooling = try Pooling(x: x.shape, y: result.shape, window)
        guard result.shape.elementCount > 0 else { return Step("maxPool", keeping: []) {} }
        let primitive = try ReorderingPrimitive(
            pooling.forward(dnnl_pooling_max, dnnl_forward_inference, block: x.block))
        try primitive.read(DNNL_ARG_SRC_0, x, .of(x))
        try primitive.write(DNNL_ARG_DST_0, result, .of(result))
        return Step("maxPool", keeping: [x, result], scratch: primitive.scratch, primitive.run)
    }

    /// The gradient of ``maxPool(_:window:into:)``: each `dy` is added to the first of the largest elements under its
    /// window.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func maxPoolBackward(
        _ x: Tensor, dy: Tensor, window: Window, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try dx.shape.require(x.shape, for: "maxPool backward")
        let pooling = try Pooling(x: x.shape, y: dy.shape, window)
        guard dy.shape.elementCount > 0 else { return try fill(dx, value: 0) }
        if x.block > 1 { return try blockedMaxPoolBackward(x, dy: dy, window: window, into: dx) }
        precondition(dy.block == 1 && dx.block == 1, "derivatives lie as what they are of")
        // The forward pass runs again: its workspace gives the backward pass the positions of the largest elements.
        let description = try pooling.forward(dnnl_pooling_max, dnnl_forward_training)
        let scratch = Scratch()
        let forward = try Primitive(description, scratch: scratch)
        let backward = try Primitive(pooling.backward(dnnl_pooling_max, forward: description), scratch: scratch)
        try unsafe forward.bind(DNNL_ARG_SRC_0, x.source())
        try forward.bind(DNNL_ARG_DST_0, to: scratch)
        try forward.bind(DNNL_ARG_WORKSPACE, to: scratch, sharing: [(backward, DNNL_ARG_WORKSPACE)])
        try unsafe backward.bind(DNNL_ARG_DIFF_DST_0, dy.source())
        try unsafe backward.bind(DNNL_ARG_DIFF_SRC_0, dx.target())
        return Step("maxPool backward", keeping: [x, dy, dx], scratch: scratch) {
            forward.run()
            backward.run()
        }
    }

    /// The mean of the elements under each window.
    ///
    /// - `x`: `[N, C, ...]`
    /// - `countsIncludePad`: whether padding counts as zeros; elements past the padding never count
    /// - `result`: `[N, C, ...]`
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func averagePool(
        _ x: Tensor, window: Window, countsIncludePad: Bool, into result: Tensor
    ) throws(ComputeError) -> Step {
        let pooling = try Pooling(x: x.shape, y: result.shape, window)
        guard result.shape.elementCount > 0 else { return Step("averagePool", keeping: []) {} }
        let algorithm = countsIncludePad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding
        let primitive = try Primitive(pooling.forward(algorithm, dnnl_forward_inference))
        try unsafe primitive.bind(DNNL_ARG_SRC_0, x.source())
        try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
        guard countsIncludePad, let correction = try pooling.overhangCorrection() else {
            return Step("averagePool", keeping: [x, result], primitive.run)
        }
        let correct = try binary(.multiply, result, correction, into: result)
        return Step("averagePool", keeping: [x, result]) {
            primitive.run()
            correct.run()
        }
    }

    /// The gradient of ``averagePool(_:window:countsIncludePad:into:)``.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func averagePoolBackward(
        dy: Tensor, window: Window, countsIncludePad: Bool, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let pooling = try Pooling(x: dx.shape, y: dy.shape, window)
        guard dy.shape.elementCount > 0 else { return try fill(dx, value: 0) }
        let algorithm = countsIncludePad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding
        let forward = try pooling.forward(algorithm, dnnl_forward_training)
        let primitive = try Primitive(pooling.backward(algorithm, forward: forward))
        try unsafe primitive.bind(DNNL_ARG_DIFF_SRC_0, dx.target())
        guard countsIncludePad, let correction = try pooling.overhangCorrection() else {
            try unsafe primitive.bind(DNNL_ARG_DIFF_DST_0, dy.source())
            return Step("averagePool backward", keeping: [dy, dx], primitive.run)
        }
        let corrected = try Tensor.scratch(dy.shape)
        let correct = try binary(.multiply, dy, correction, into: corrected)
        try unsafe primitive.bind(DNNL_ARG_DIFF_DST_0, corrected.source())
        return Step("averagePool backward", keeping: [corrected, dx]) {
            correct.run()
            primitive.run()
        }
    }
}

/// A pooling in oneDNN's terms.
private struct Pooling {
    private let x: Shape
    private let y: Shape
    private let window: Window

    init(x: Shape, y: Shape, _ window: Window) throws(ComputeError) {
        guard (3...5).contains(x.rank), y.rank == x.rank, window.rank == x.rank - 2, x[0] == y[0], x[1] == y[1] else {
            throw .shape(.mismatch(operation: "pooling", x, y))
        }
        (self.x, self.y, self.window) = (x, y, window)
    }

    func forward(
        _ algorithm: dnnl_alg_kind_t, _ kind: dnnl_prop_kind_t, block: Int = 1
    ) throws(ComputeError) -> PrimitiveDescription {
        let window = OneDNNWindow(window, over: x.dimensions, into: y.dimensions)
        var (x, y) = try (Layout.of(x, block: block), Layout.of(y, block: block))
        var operation = dnnl_pooling_v2_desc_t()
        try oneDNN("dnnl_pooling_v2_forward_desc_init") {
            unsafe dnnl_pooling_v2_forward_desc_init(
                &operation, kind, algorithm, &x, &y,
                window.strides, window.kernel, window.dilations, window.padsBegin, window.padsEnd)
        }
        return try unsafe PrimitiveDescription(&operation)
    }

    func backward(
        _ algorithm: dnnl_alg_kind_t, forward: PrimitiveDescription
    ) throws(ComputeError) -> PrimitiveDescription {
        let window = OneDNNWindow(window, over: x.dimensions, into: y.dimensions)
        var (x, y) = try (Layout.plain(x.dimensions), Layout.plain(y.dimensions))
        var operation = dnnl_pooling_v2_desc_t()
        try oneDNN("dnnl_pooling_v2_backward_desc_init") {
            unsafe dnnl_pooling_v2_backward_desc_init(
                &operation, algorithm, &x, &y,
                window.strides, window.kernel, window.dilations, window.padsBegin, window.padsEnd)
        }
        return try unsafe PrimitiveDescription(&operation, forward: forward)
    }

    /// The factors that correct oneDNN's averages over whole windows to averages over the elements inside the padding:
    /// the last windows extend past it when the size of the result was rounded up.
    ///
    /// - Returns: a tensor of the spatial sizes of the result, or nil when no window extends past the padding.
    /// - SeeAlso: torch.nn.AvgPool2d, `ceil_mode`
    func overhangCorrection() throws(ComputeError) -> Tensor? {
        var factors: [Float] = [1]
        for axis in window.kernel.indices {
            let (kernel, dilation) = (window.kernel[axis], window.dilations[axis])
            let end = x[axis + 2] + window.padsBegin[axis] + window.padsEnd[axis]
            let own = (0..<y[axis + 2]).map { place in
                let inside = (0..<kernel).count { place * window.strides[axis] + $0 * dilation < end }
                return Float(kernel) / Float(max(1, inside))
            }
            factors = factors.flatMap { outer in own.map { outer * $0 } }
        }
        guard factors.contains(where: { $0 != 1 }) else { return nil }
        let result = try Tensor.scratch(.of(Array(y.dimensions.dropFirst(2))))
        result.copy(from: factors)
        return result
    }
}
