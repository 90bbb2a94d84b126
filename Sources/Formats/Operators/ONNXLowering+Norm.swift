import Compute
import Model

extension ONNXLowering {
    static let norms: [String: ONNXOperator] = [
        "BatchNormalization": ONNXOperator { try $0.batchNorm($1) },
        "LayerNormalization": ONNXOperator { try $0.layerNorm($1) },
        "RMSNormalization": ONNXOperator { try $0.rootMeanSquareNorm($1) },
        "SimplifiedLayerNormalization": ONNXOperator { try $0.rootMeanSquareNorm($1) },
        "InstanceNormalization": ONNXOperator { try $0.instanceNorm($1) },
        "GroupNormalization": ONNXOperator { try $0.groupNorm($1) },
        "LpNormalization": ONNXOperator(keepsShape: true) { try $0.lengthNorm($1) },
        "LRN": ONNXOperator(keepsShape: true) { try $0.localResponseNorm($1) },
    ]

    /// Lowers `LpNormalization`: the value divided by its length along an axis; zeros stay zeros.
    private mutating func lengthNorm(_ node: NodeView) throws(FormatError) {
        let axis = try axis(node.int("axis") ?? -1, node)
        let kinds: [Int: ReduceKind] = [1: .l1, 2: .l2]
        guard let kind = kinds[node.int("p") ?? 2] else { throw unfit(node, "its p is neither 1 nor 2") }
        let x = try operand(node, 0)
        let length = try emit(.reduce(kind, axes: [axis], keepsAxes: true), [x], node)
        let divisor = try emit(.binary(.maximum), [length, try factor(.leastNormalMagnitude, node)], node)
        try finish(.binary(.divide), [x, divisor], node)
    }

    /// Lowers `LRN`: `x / (bias + alpha * m)^beta`, with `m` the mean of the squares of `size` channels around `x`.
    ///
    /// - SeeAlso: onnx/Operators.md#LRN
    private mutating func localResponseNorm(_ node: NodeView) throws(FormatError) {
        let (shape, size) = (try shape(node, 0), node.int("size") ?? 0)
        guard shape.rank >= 2, (1...65536).contains(size), shape.elementCount > 0 else {
            throw unfit(node, "\(size) channels around each of a value of shape \(shape)")
        }
        let x = try operand(node, 0)
        let image = [shape[0], 1, shape[1], shape.dimensions.dropFirst(2).reduce(1, *)]
        let squares = try reshaped(try emit(.binary(.multiply), [x, x], node), image, node)
        var window = Window(pointwise: 2)
        window.kernel[0] = size
        (window.padsBegin[0], window.padsEnd[0]) = ((size - 1) / 2, size / 2)
        let means = try emit(.averagePool(window, countsPadding: true), [squares], node)
        let alpha = try factor(node.float("alpha") ?? 0.0001, node)
        let scaled = try emit(.binary(.multiply), [try reshaped(means, shape.dimensions, node), alpha], node)
        let sum = try emit(.binary(.add), [scaled, try factor(node.float("bias") ?? 1, node)], node)
        let power = try emit(.binary(.power), [sum, try factor(node.float("beta") ?? 0.75, node)], node)
        try finish(.binary(.divide), [x, power], node)
    }

    private mutating func batchNorm(_ node: NodeView) throws(FormatError) {
        guard !node.flag("training_mode") else {
            throw node.unsupported(" in training mode: export after model.eval()")
        }
        try append(.batchNorm(epsilon: epsilon(node)), node, reading: 5)
    }

    private mutating func layerNorm(_ node: NodeView) throws(FormatError) {
        let bias = node.hasInput(2) ? try operand(node, 2) : nil
        let (x, scale) = (try operand(node, 0), try operand(node, 1))
        try normalize(.layer, x, scale, bias, epsilon(node), node, deviationOutput: 2)
    }

    mutating func rootMeanSquareNorm(_ node: NodeView) throws(FormatError) {
        let (x, scale) = (try operand(node, 0), try operand(node, 1))
        // Without a mean, the deviation is the second result.
        try normalize(.rootMeanSquare, x, scale, nil, epsilon(node), node, deviationOutput: 1)
    }

    private func epsilon(_ node: NodeView) -> Float { node.float("epsilon") ?? 1e-5 }

    /// Normalises over the trailing axes, from the attribute `axis` on; further results are the mean and, at the place
    /// `deviationOutput`, the inverse deviation.
    mutating func normalize(
        _ kind: NormKind, _ x: ValueID, _ scale: ValueID, _ bias: ValueID?, _ epsilon: Float, _ node: NodeView,
        deviationOutput: Int
    ) throws(FormatError) {
        let shape = graph.shape(x)
        let axis = node.int("axis") ?? -1
        guard let first = shape.axis(axis) else { throw unfit(node, "axis \(axis) of a value of shape \(shape)") }
        let axes = shape.rank - first
        let op = Op.norm(kind, axes: axes, epsilon: epsilon)
        let factors = [scale] + (bias.map { [$0] } ?? [])
        if factors.allSatisfy({ graph.shape($0).dimensions == shape.dimensions.suffix(axes) }) {
            try finish(op, [x] + factors, node)
        } else {
            let normalized = try emit(op, [x], node)
            guard let bias else { return try finish(.binary(.multiply), [normalized, scale], node) }
            let scaled = try emit(.binary(.multiply), [normalized, scale], node)
            try finish(.binary(.add), [scaled, bias], node)
        }
        try statistics(kind, of: x, Array(first..<shape.rank), epsilon, node, deviationOutput)
    }

    /// Appends the mean and the inverse deviation. Few graphs read them; unread values are pruned at the end.
    private mutating func statistics(
        _ kind: NormKind, of x: ValueID, _ axes: [Int], _ epsilon: Float, _ node: NodeView, _ deviationOutput: Int
    ) throws(FormatError) {
        guard node.output(1) != nil || node.output(2) != nil else { return }
        var centered = x
        if kind == .layer {
            let mean = try emit(.reduce(.mean, axes: axes, keepsAxes: true), [x], node)
            if let name = node.output(1) { define(name, .computed(mean)) }
            centered = try emit(.binary(.subtract), [x, mean], node)
        }
        guard let name = node.output(deviationOutput) else { return }
        let squares = try emit(.binary(.multiply), [centered, centered], node)
        let variance = try emit(.reduce(.mean, axes: axes, keepsAxes: true), [squares], node)
        let sum = try emit(.binary(.add), [variance, try factor(epsilon, node)], node)
        define(name, .computed(try emit(.unary(.reciprocal), [try emit(.unary(.sqrt), [sum], node)], node)))
    }

    /// Normalises each channel of each sample.
    private mutating func instanceNorm(_ node: NodeView) throws(FormatError) {
        let (x, scale, bias) = try channels(node)
        let op = Op.norm(.layer, axes: graph.shape(x).rank - 2, epsilon: epsilon(node))
        try scaleChannels(try emit(op, [x], node), scale, bias, node)
    }

    /// The operands of a norm over channels.
    private mutating func channels(_ node: NodeView) throws(FormatError) -> (x: ValueID, scale: ValueID, bias: ValueID)
    {
        let (x, scale, bias) = (try operand(node, 0), try operand(node, 1), try operand(node, 2))
        guard graph.shape(x).rank >= 3 else {
            throw unfit(node, "a value of shape \(graph.shape(x)) has no spatial axis")
        }
        return (x, scale, bias)
    }

    /// Normalises each group of channels of each sample.
    private mutating func groupNorm(_ node: NodeView) throws(FormatError) {
        let (x, scale, bias) = try channels(node)
        let shape = graph.shape(x)
        let channels = shape[1]
        let groups = node.int("num_groups") ?? 0
        guard groups > 0, channels % groups == 0, shape.elementCount > 0 else {
            throw unfit(node, "\(groups) groups of \(channels) channels")
        }
        let grouped = try reshaped(x, [shape[0], groups, shape.elementCount / shape[0] / groups], node)
        var value = try emit(.norm(.layer, axes: 1, epsilon: epsilon(node)), [grouped], node)
        // Before opset 21 there is one scale and one bias per group.
        let isByGroup = node.opset < 21 && graph.shape(scale).dimensions == [groups]
        if isByGroup {
            value = try emit(.binary(.multiply), [value, try reshaped(scale, [groups, 1], node)], node)
            value = try emit(.binary(.add), [value, try reshaped(bias, [groups, 1], node)], node)
            return try finish(try reshape(shape.dimensions, node), [value], node)
        }
        try scaleChannels(try reshaped(value, shape.dimensions, node), scale, bias, node)
    }

    /// Scales and shifts `x [N, C, ...]` by `scale [C]` and `bias [C]`.
    private mutating func scaleChannels(
        _ x: ValueID, _ scale: ValueID, _ bias: ValueID, _ node: NodeView
    ) throws(FormatError) {
        let shape = graph.shape(x)
        let sizes = [shape[1]] + [Int](repeating: 1, count: shape.rank - 2)
        guard graph.shape(scale).dimensions == [shape[1]], graph.shape(bias).dimensions == [shape[1]] else {
            throw unfit(node, "scale and bias of other than \(shape[1]) channels")
        }
        let scaled = try emit(.binary(.multiply), [x, try reshaped(scale, sizes, node)], node)
        try finish(.binary(.add), [scaled, try reshaped(bias, sizes, node)], node)
    }
}
