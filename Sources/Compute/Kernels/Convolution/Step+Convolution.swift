import COneDNN

// N samples, I channels in, O channels out, G groups; `...` are one to three spatial sizes.
extension Step {
    /// Slides `weight` over `x` (a cross-correlation, as in every deep-learning framework).
    ///
    /// - `x`: `[N, I, ...]`
    /// - `weight`: `[O, I / G, ...]`, the last sizes being those of the window
    /// - `bias`: `[O]`
    /// - `activation`: applied to the sum with the bias; ``UnaryKind/isEpilogue`` is true for it
    /// - `result`: `[N, O, ...]`
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, window: Window, groups: Int, activation: UnaryKind? = nil,
        into result: Tensor
    ) throws(ComputeError) -> Step {
        let sizes = try ConvolutionSizes(x: x.shape, weight: weight.shape, y: result.shape, window, groups: groups)
        try bias?.shape.require(.of([result.shape[1]]), for: "convolution bias")
        guard result.shape.elementCount > 0 else { return Step("convolution", keeping: []) {} }
        let postOps = PostOps(applying: activation)
        let primitive = try ReorderingPrimitive(sizes.forward(hasBias: bias != nil, postOps))
        try primitive.read(DNNL_ARG_SRC_0, x, .of(x))
        try primitive.read(DNNL_ARG_WEIGHTS_0, weight, .plain(sizes.weight))
        if let bias { try primitive.read(DNNL_ARG_BIAS, bias, .of(bias)) }
        try primitive.write(DNNL_ARG_DST_0, result, .of(result))
        return Step(
            "convolution", keeping: [x, weight, result] + (bias.map { [$0] } ?? []), scratch: primitive.scratch,
            operations: sizes.operations, primitive.run)
    }

    /// The gradient of ``convolution(_:weight:bias:window:groups:activation:into:)`` with respect to `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func convolutionBackwardData(
        dy: Tensor, weight: Tensor, window: Window, groups: Int, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let sizes = try ConvolutionSizes(x: dx.shape, weight: weight.shape, y: dy.shape, window, groups: groups)
        guard dx.shape.elementCount > 0, dy.shape.elementCount > 0 else { return try fill(dx, value: 0) }
        let primitive = try ReorderingPrimitive(sizes.backwardData())
        try primitive.read(DNNL_ARG_DIFF_DST_0, dy, .of(dy))
        try primitive.read(DNNL_ARG_WEIGHTS_0, weight, .plain(sizes.weight))
        try primitive.write(DNNL_ARG_DIFF_SRC_0, dx, .of(dx))
        return Step(
            "convolution backward data", keeping: [dy, weight, dx], scratch: primitive.scratch,
            operations: sizes.operations, primitive.run)
    }

    /// The gradient of ``convolution(_:weight:bias:window:groups:activation:into:)`` with respect to `weight`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func convolutionBackwardWeights(
        _ x: Tensor, dy: Tensor, window: Window, groups: Int, into dWeight: Tensor
    ) throws(ComputeError) -> Step {
        let sizes = try ConvolutionSizes(x: x.shape, weight: dWeight.shape, y: dy.shape, window, groups: groups)
        guard x.shape.elementCount > 0, dy.shape.elementCount > 0 else { return try fill(dWeight, value: 0) }
        let primitive = try ReorderingPrimitive(sizes.backwardWeights())
        try primitive.read(DNNL_ARG_SRC_0, x, .of(x))
        try primitive.read(DNNL_ARG_DIFF_DST_0, dy, .of(dy))
        try primitive.write(DNNL_ARG_DIFF_WEIGHTS_0, dWeight, .plain(sizes.weight))
        return Step(
            "convolution backward weights", keeping: [x, dy, dWeight], scratch: primitive.scratch,
            operations: sizes.operations, primitive.run)
    }
}

/// A convolution in oneDNN's terms.
private struct ConvolutionSizes {
    let x: [Int]
    /// `[O, I, ...]`, or `[G, O / G, I / G, ...]` if there are groups
    let weight: [Int]
    let y: [Int]
    /// The number of multiplications and additions in each direction.
    let operations: Int
    private let window: OneDNNWindow
    private let isWorthTransforming: Bool

    init(x: Shape, weight: Shape, y: Shape, _ window: Window, groups: Int) throws(ComputeError) {
        let mismatch = ComputeError.shape(.mismatch(operation: "convolution", x, weight))
        guard (3...5).contains(x.rank), weight.rank == x.rank, y.rank == x.rank, window.rank == x.rank - 2,
            groups > 0, weight[0] % groups == 0, x[1] == weight[1] * groups, y[0] == x[0], y[1] == weight[0],
            Array(weight.dimensions.dropFirst(2)) == window.kernel
        else { throw mismatch }
        self.x = x.dimensions
        self.y = y.dimensions
        operations = 2 * y.elementCount * weight.dimensions.dropFirst().reduce(1, *)
        self.weight = groups == 1 ? weight.dimensions : [groups, weight[0] / groups] + weight.dimensions.dropFirst()
        self.window = OneDNNWindow(window, over: self.x, into: self.y)
        isWorthTransforming = Self.isWorthTransforming(self.weight, y: y, window)
    }

    /// True when Winograd's algorithm is worthwhile. For tiles of 4 x 4 results it needs a quarter of the
    /// multiplications, plus the time to transform them. Its results are as accurate as direct sums: 1e-6 of the
    /// largest.
    ///
    /// - SeeAlso: Lavin, Gray: arXiv:1509.09308
    private static func isWorthTransforming(_ weight: [Int], y: Shape, _ window: Window) -> Bool {
        guard weight.count == 4, window.kernel == [3, 3], window.strides == [1, 1], window.dilations == [1, 1] else {
            return false
        }
        return min(weight[0], weight[1]) >= 64 && min(y[2], y[3]) >= 6 && y[0] * y[2] * y[3] >= 512
    }

    /// The description of the operation, by Winograd's algorithm if it is worthwhile and supported.
    ///
    /// - `initialise`: fills the description of the operation for one algorithm.
    private func description(
        _ call: String, forward: PrimitiveDescription? = nil, postOps: PostOps = PostOps(),
        _ initialise: (inout dnnl_convolution_desc_t, dnnl_alg_kind_t) -> dnnl_status_t
    ) throws(ComputeError) -> PrimitiveDescription {
        var operation = dnnl_convolution_desc_t()
        if isWorthTransforming {
            try oneDNN(call) { initialise(&operation, dnnl_convolution_winograd) }
            // Not every processor supports it.
            if let description = try? unsafe PrimitiveDescription(&operation, forward: forward, postOps: postOps) {
                return description
            }
        }
        try oneDNN(call) { initialise(&operation, dnnl_convolution_direct) }
        return try unsafe PrimitiveDescription(&operation, forward: forward, postOps: postOps)
    }

    func forward(hasBias: Bool, _ postOps: PostOps = PostOps()) throws(ComputeError) -> PrimitiveDescription {
        var (x, weight, y) = try (Layout.any(x), Layout.any(weight), Layout.any(y))
        var bias = hasBias ? try Layout.any([self.y[1]]) : Layout()
        return try description("dnnl_dilated_convolution_forward_desc_init", postOps: postOps) {
            unsafe dnnl_dilated_convolution_forward_desc_init(
                &$0, dnnl_forward_training, $1, &x, &weight, &bias, &y,
                window.strides, window.dilations, window.padsBegin, window.padsEnd)
        }
    }

    func backwardData() throws(ComputeError) -> PrimitiveDescription {
        var (x, weight, y) = try (Layout.any(x), Layout.any(weight), Layout.any(y))
        return try description("dnnl_dilated_convolution_backward_data_desc_init", forward: forward(hasBias: false)) {
            unsafe dnnl_dilated_convolution_backward_data_desc_init(
                &$0, $1, &x, &weight, &y, window.strides, window.dilations, window.padsBegin, window.padsEnd)
        }
    }

    func backwardWeights() throws(ComputeError) -> PrimitiveDescription {
        var (x, weight, y) = try (Layout.any(x), Layout.any(weight), Layout.any(y))
        var bias = Layout()
        return try description(
            "dnnl_dilated_convolution_backward_weights_desc_init", forward: forward(hasBias: false)
        ) {
            unsafe dnnl_dilated_convolution_backward_weights_desc_init(
                &$0, $1, &x, &weight, &bias, &y,
                window.strides, window.dilations, window.padsBegin, window.padsEnd)
        }
    }
}

/// A window in oneDNN's conventions: a dilation of zero means adjacent elements, and the padding ends where the last
/// window ends.
struct OneDNNWindow {
    let kernel: [Int64]
    let strides: [Int64]
    let dilations: [Int64]
    let padsBegin: [Int64]
    let padsEnd: [Int64]

    /// - `x`: `[N, I, ...]`
    /// - `y`: `[N, O, ...]`, which may be rounded up, so that the last window extends past the padding
    init(_ window: Window, over x: [Int], into y: [Int]) {
        kernel = window.kernel.map(Int64.init)
        strides = window.strides.map(Int64.init)
        dilations = window.dilations.map { Int64($0 - 1) }
        padsBegin = window.padsBegin.map(Int64.init)
        padsEnd = window.kernel.indices.map { axis in
            let reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
            let end = (y[axis + 2] - 1) * window.strides[axis] + reach
            return Int64(max(0, end - x[axis + 2] - window.padsBegin[axis]))
        }
    }
}
