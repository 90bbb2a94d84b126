import Compute
import Model

extension ONNXLowering {
    /// Appends one op on the first `count` operands of the node, and on those of the next `optional` that are present.
    mutating func append(
        _ op: Op, _ node: NodeView, reading count: Int, optional: Int = 0
    ) throws(FormatError) {
        var operands: [ValueID] = []
        for position in 0..<count { operands.append(try operand(try node.input(position))) }
        for position in count..<(count + optional) where node.hasInput(position) {
            operands.append(try operand(try node.input(position)))
        }
        try finish(op, operands, node)
    }

    /// Appends the op that computes the node's result.
    mutating func finish(_ op: Op, _ operands: [ValueID], _ node: NodeView) throws(FormatError) {
        let name = try node.output()
        define(name, .computed(try emit(op, operands, node, name: name)))
    }

    /// The value of an operand of the node.
    mutating func operand(_ node: NodeView, _ position: Int) throws(FormatError) -> ValueID {
        try operand(try node.input(position))
    }

    /// Makes the result a known tensor.
    mutating func define(_ node: NodeView, known tensor: Tensor) throws(FormatError) {
        let name = try node.output()
        define(name, .known(tensor, name: name))
    }

    /// Makes the result the same value as the first operand.
    mutating func alias(_ node: NodeView) throws(FormatError) {
        define(try node.output(), try value(try node.input(0)))
    }

    mutating func factor(_ value: Float, _ node: NodeView) throws(FormatError) -> ValueID {
        try emit(.constant(try node.tensor(value)), [], node)
    }

    func reshape(_ sizes: [Int], _ node: NodeView) throws(FormatError) -> Op {
        .reshape(try shaped(node) { () throws(ShapeError) in try Shape(sizes) })
    }

    /// The value reshaped to other sizes, or itself if it has them.
    mutating func reshaped(_ value: ValueID, _ sizes: [Int], _ node: NodeView) throws(FormatError) -> ValueID {
        graph.shape(value).dimensions == sizes ? value : try emit(try reshape(sizes, node), [value], node)
    }

    /// The values concatenated along an axis, or the only one itself.
    mutating func joined(_ parts: [ValueID], axis: Int, _ node: NodeView) throws(FormatError) -> ValueID {
        parts.count == 1 ? parts[0] : try emit(.concat(axis: axis), parts, node)
    }
}
