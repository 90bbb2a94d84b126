import Compute
import Model

extension ONNXLowering {
    /// Operators that reduce axes, or work along one.
    static let reductions: [String: ONNXOperator] = [
        "ReduceSum": reduction(.sum), "ReduceMean": reduction(.mean), "ReduceMax": reduction(.maximum),
        "ReduceMin": reduction(.minimum), "ReduceProd": reduction(.product), "ReduceSumSquare": reduction(.sumSquare),
        "ReduceL1": reduction(.l1), "ReduceL2": reduction(.l2), "ReduceLogSum": reduction(.logSum),
        "ReduceLogSumExp": reduction(.logSumExp),
        "ArgMax": ONNXOperator(isDiscrete: true) { try $0.extreme(.maximum, $1) },
        "ArgMin": ONNXOperator(isDiscrete: true) { try $0.extreme(.minimum, $1) },
        "Hardmax": ONNXOperator(keepsShape: true, isDiscrete: true) { try $0.hardmax($1) },
        "CumSum": ONNXOperator { try $0.cumulativeSum($1) },
    ]

    private static func reduction(_ kind: ReduceKind) -> ONNXOperator { ONNXOperator { try $0.reduce(kind, $1) } }

    /// Lowers a reduction. Its axes are an operand from opset 18 on (`ReduceSum` from 13 on), before that an attribute.
    private mutating func reduce(_ kind: ReduceKind, _ node: NodeView) throws(FormatError) {
        let shape = try shape(node, 0)
        let axes = try given(node, "axes", operand: 1, since: kind == .sum ? 13 : 18) ?? node.ints("axes") ?? []
        var resolved: Set<Int> = []
        for axis in axes { resolved.insert(try self.axis(axis, node)) }
        if axes.isEmpty, !node.flag("noop_with_empty_axes") { resolved = Set(shape.dimensions.indices) }
        let keepsAxes = node.flag("keepdims", otherwise: true)
        if resolved.isEmpty, [.sum, .mean, .maximum, .minimum, .product].contains(kind) { return try alias(node) }
        let op = Op.reduce(kind, axes: resolved.sorted(), keepsAxes: keepsAxes)
        guard try elementType(node, 0) == .bool, kind == .maximum || kind == .minimum else {
            return try append(op, node, reading: 1)
        }
        // The maximum of no elements is false and the minimum true, as with a sum and a product.
        let counted = Op.reduce(kind == .maximum ? .sum : .product, axes: resolved.sorted(), keepsAxes: keepsAxes)
        let numbers = try emit(.cast(.int64), [try operand(node, 0)], node)
        try finish(.cast(.bool), [try emit(counted, [numbers], node)], node)
    }

    mutating func globalPool(_ kind: ReduceKind, _ node: NodeView) throws(FormatError) {
        let shape = try shape(node, 0)
        guard shape.rank >= 3 else { throw unfit(node, "a value of shape \(shape) has no spatial axis") }
        try append(.reduce(kind, axes: Array(2..<shape.rank), keepsAxes: true), node, reading: 1)
    }

    private mutating func extreme(_ kind: ExtremeKind, _ node: NodeView) throws(FormatError) {
        let op = Op.extreme(
            kind, axis: try axis(node.int("axis") ?? 0, node), keepsAxis: node.flag("keepdims", otherwise: true),
            takesLast: node.flag("select_last_index"))
        try append(op, node, reading: 1)
    }

    /// Lowers `Hardmax`: one at the first maximum along an axis, zero elsewhere.
    private mutating func hardmax(_ node: NodeView) throws(FormatError) {
        let shape = try shape(node, 0)
        let (axis, sizes) = try row(node)
        let x = try reshaped(try operand(node, 0), sizes, node)
        let place = try emit(.extreme(.maximum, axis: axis, keepsAxis: true, takesLast: false), [x], node)
        let zeros = try emit(.broadcast(graph.shape(x)), [try factor(0, node)], node)
        let ones = try emit(.broadcast(graph.shape(place)), [try factor(1, node)], node)
        let op = Op.scatterElements(.replace, axis: axis)
        guard sizes != shape.dimensions else { return try finish(op, [zeros, place, ones], node) }
        try finish(try reshape(shape.dimensions, node), [try emit(op, [zeros, place, ones], node)], node)
    }

    /// The axis and the sizes over which `Softmax`, `LogSoftmax` and `Hardmax` work. Before opset 13 all axes from `axis` on
    /// are one row.
    ///
    /// - SeeAlso: onnx/Changelog.md#Softmax-11
    private func row(_ node: NodeView) throws(FormatError) -> (axis: Int, sizes: [Int]) {
        let sizes = try shape(node, 0).dimensions
        guard node.opset < 13 else { return (try axis(node.int("axis") ?? -1, node), sizes) }
        let first = try axis(node.int("axis") ?? 1, node)
        if first == sizes.count - 1 { return (first, sizes) }
        return (1, [sizes[..<first].reduce(1, *), sizes[first...].reduce(1, *)])
    }

    mutating func softmax(_ node: NodeView, _ op: (Int) -> Op) throws(FormatError) {
        let shape = try shape(node, 0)
        let (axis, sizes) = try row(node)
        guard sizes != shape.dimensions else { return try append(op(axis), node, reading: 1) }
        let rows = try reshaped(try operand(node, 0), sizes, node)
        try finish(try reshape(shape.dimensions, node), [try emit(op(axis), [rows], node)], node)
    }

    private mutating func cumulativeSum(_ node: NodeView) throws(FormatError) {
        let op = Op.cumulativeSum(
            axis: try axis(try integer(node, 1), node), isExclusive: node.flag("exclusive"),
            isReversed: node.flag("reverse"))
        try append(op, node, reading: 1)
    }
}
