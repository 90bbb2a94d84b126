import ByteText
import Compute
import Model

extension ONNXLowering {
    mutating func normalize(_ node: NodeView) throws(FormatError) {
        let epsilon = node.float("epsilon") ?? 1e-5
        switch node.opType {
        case "BatchNormalization":
            guard !node.flag("training_mode") else {
                throw node.unsupported(" in training mode: export after model.eval()")
            }
            try append(.batchNorm(epsilon: epsilon), node, reading: 5)
        case "LayerNormalization":
            let bias = node.hasInput(2) ? try operand(node, 2) : nil
            try normalize(.layer, try operand(node, 0), try operand(node, 1), bias, epsilon, node)
        case "SimplifiedLayerNormalization", "RMSNormalization":
            try normalize(.rootMeanSquare, try operand(node, 0), try operand(node, 1), nil, epsilon, node)
        default:
            try normalizeChannels(node, epsilon)
        }
    }

    /// Normalises over the trailing axes, from the attribute `axis` on; further results are the mean and the inverse
    /// deviation.
    mutating func normalize(
        _ kind: NormKind, _ x: ValueID, _ scale: ValueID, _ bias: ValueID?, _ epsilon: Float, _ node: NodeView
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
        try statistics(kind, of: x, Array(first..<shape.rank), epsilon, node)
    }

    /// Appends the mean and the inverse deviation. Few graphs read them; unread values are pruned at the end.
    private mutating func statistics(
        _ kind: NormKind, of x: ValueID, _ axes: [Int], _ epsilon: Float, _ node: NodeView
    ) throws(FormatError) {
        guard node.furtherOutput(1) != nil || node.furtherOutput(2) != nil else { return }
        var centered = x
        // Without a mean, the deviation is the second result.
        var place = 1
        if kind == .layer {
            let mean = try emit(.reduce(.mean, axes: axes, keepsAxes: true), [x], node)
            if let name = node.furtherOutput(1) { values[name] = .computed(mean) }
            centered = try emit(.binary(.subtract), [x, mean], node)
            place = 2
        }
        if node.opType.containsBytes(of: "Skip") { place = 2 }
        guard let name = node.furtherOutput(place) else { return }
        let squares = try emit(.binary(.multiply), [centered, centered], node)
        let variance = try emit(.reduce(.mean, axes: axes, keepsAxes: true), [squares], node)
        let sum = try emit(.binary(.add), [variance, try factor(epsilon, node)], node)
        values[name] = .computed(try emit(.unary(.reciprocal), [try emit(.unary(.sqrt), [sum], node)], node))
    }

    /// Normalises each channel, or each group of channels, of each sample.
    private mutating func normalizeChannels(_ node: NodeView, _ epsilon: Float) throws(FormatError) {
        let (x, scale, bias) = (try operand(node, 0), try operand(node, 1), try operand(node, 2))
        let shape = graph.shape(x)
        guard shape.rank >= 3 else { throw unfit(node, "a value of shape \(shape) has no spatial axis") }
        let channels = shape[1]
        guard node.opType == "GroupNormalization" else {
            let op = Op.norm(.layer, axes: shape.rank - 2, epsilon: epsilon)
            return try scaleChannels(try emit(op, [x], node), scale, bias, node)
        }
        let groups = node.int("num_groups") ?? 0
        guard groups > 0, channels % groups == 0, shape.elementCount > 0 else {
            throw unfit(node, "\(groups) groups of \(channels) channels")
        }
        let grouped = try reshaped(x, [shape[0], groups, shape.elementCount / shape[0] / groups], node)
        var value = try emit(.norm(.layer, axes: 1, epsilon: epsilon), [grouped], node)
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
