import Compute
import Model

// B samples, H heads, S query positions, T key positions, D size of a head.
extension ONNXLowering {
    /// Lowers `Attention`: `softmax(scale * Q K' + mask) V`.
    ///
    /// - SeeAlso: onnx/Operators.md#Attention
    mutating func attention(_ node: NodeView) throws(FormatError) {
        let isFlat = try shape(node, 0).rank == 3
        let query = try heads(node, 0, node.int("q_num_heads"))
        var key = try heads(node, 1, node.int("kv_num_heads"))
        var value = try heads(node, 2, node.int("kv_num_heads"))
        var past = 0
        if node.hasInput(4), node.hasInput(5) {
            past = try shape(node, 4).rank == 4 ? try shape(node, 4)[2] : 0
            key = try emit(.concat(axis: 2), [try operand(node, 4), key], node)
            value = try emit(.concat(axis: 2), [try operand(node, 5), value], node)
        }
        if let name = node.output(1) { define(name, .computed(key)) }
        if let name = node.output(2) { define(name, .computed(value)) }
        key = try shared(key, by: graph.shape(query)[1], node)
        value = try shared(value, by: graph.shape(query)[1], node)

        let scale = node.float("scale") ?? 1 / Float(graph.shape(query)[3]).squareRoot()
        let product = try emit(.matMul(transposeLeft: false, transposeRight: true), [query, key], node)
        var scores = try emit(.binary(.multiply), [product, try factor(scale, node)], node)
        var stages = [scores]
        if let cap = node.float("softcap"), cap > 0 {
            let part = try emit(.binary(.divide), [scores, try factor(cap, node)], node)
            scores = try emit(
                .binary(.multiply), [try emit(.unary(.tanh), [part], node), try factor(cap, node)], node)
        }
        stages.append(scores)
        let reach = Reach(node, asking: graph.shape(query)[2], answering: graph.shape(key)[2], past: past)
        var isAlone: ValueID?
        if let bias = try attentionBias(node, reach) {
            stages.append(try emit(.binary(.add), [scores, bias], node))
            let open = try reach.leavesAlone ? unlessAlone(bias, node) : nil
            isAlone = open?.isAlone
            scores = try emit(.binary(.add), [scores, open?.bias ?? bias], node)
        } else {
            stages.append(scores)
        }
        var shares = try emit(.softmax(axis: 3), [scores], node)
        // A query whose mask excludes every key yields zeros.
        if let isAlone { shares = try emit(.select, [isAlone, try factor(0, node), shares], node) }
        stages.append(shares)
        if let name = node.output(3) {
            let mode = node.int("qk_matmul_output_mode") ?? 0
            guard stages.indices.contains(mode) else { throw unfit(node, "output mode \(mode)") }
            define(name, .computed(stages[mode]))
        }
        let op = Op.matMul(transposeLeft: false, transposeRight: false)
        guard isFlat else { return try finish(op, [shares, value], node) }
        try finishJoined(try emit(op, [shares, value], node), node)
    }

    /// An operand `[B, S, H * D]` or `[B, H, S, D]`, as `[B, H, S, D]`.
    private mutating func heads(_ node: NodeView, _ position: Int, _ count: Int?) throws(FormatError) -> ValueID {
        let (x, shape) = (try operand(node, position), try shape(node, position))
        if shape.rank == 4 { return x }
        guard shape.rank == 3, let count, count > 0, shape[2] % count == 0 else {
            throw unfit(node, "operand \(position) of shape \(shape) has not \(count ?? 0) heads")
        }
        return try apart(x, heads: count, node)
    }

    /// A value `[B, S, H * D]` as `[B, H, S, D]`.
    mutating func apart(_ x: ValueID, heads: Int, _ node: NodeView) throws(FormatError) -> ValueID {
        let shape = graph.shape(x)
        let split = try reshaped(x, [shape[0], shape[1], heads, shape[2] / heads], node)
        return try emit(.transpose([0, 2, 1, 3]), [split], node)
    }

    /// Finishes the node with a value `[B, H, S, D]` as `[B, S, H * D]`.
    mutating func finishJoined(_ heads: ValueID, _ node: NodeView) throws(FormatError) {
        let result = try emit(.transpose([0, 2, 1, 3]), [heads], node)
        let sizes = graph.shape(result)
        try finish(try reshape([sizes[0], sizes[1], sizes[2] * sizes[3]], node), [result], node)
    }

    /// Repeats the heads of keys or values, each for the consecutive query heads that share it.
    private mutating func shared(_ x: ValueID, by heads: Int, _ node: NodeView) throws(FormatError) -> ValueID {
        let shape = graph.shape(x)
        guard shape.rank == 4, shape[1] > 0, heads % shape[1] == 0 else {
            throw unfit(node, "\(heads) heads share those of \(shape)")
        }
        guard shape[1] != heads else { return x }
        let sizes = [shape[0], shape[1], heads / shape[1], shape[2], shape[3]]
        let apart = try reshaped(x, [shape[0], shape[1], 1, shape[2], shape[3]], node)
        let target = try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
        let repeated = try emit(.broadcast(target), [apart], node)
        return try reshaped(repeated, [shape[0], heads, shape[2], shape[3]], node)
    }
}
