import Compute
import Model

extension ONNXLowering {
    /// What ``lower(_:)`` knows; contributed operators carry their domain in front.
    static let supported: Set<String> = [
        "Add", "AveragePool", "BatchNormalization", "Cast", "Concat", "Constant", "ConstantOfShape", "Conv", "Div",
        "Dropout", "Erf", "Exp", "Expand", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "Identity",
        "LeakyRelu", "Log", "MatMul", "MaxPool", "Mul", "Neg", "PRelu", "Reciprocal", "ReduceMean", "ReduceSum", "Relu",
        "Reshape", "Shape", "Sigmoid", "Slice", "Softmax", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze",
    ]

    /// Appends what a node computes, of an operator that is ``supported``.
    ///
    /// - Throws: ``FormatError`` for operands, attributes or sizes that do not fit.
    mutating func lower(_ node: LoweredNode) throws(FormatError) {
        switch node.opType {
        // Without training, a dropout lets everything through.
        case "Identity", "Dropout": try alias(node)
        case "Constant": values[try node.output()] = .known(try node.constant(), name: try node.output())
        case "ConstantOfShape": try fill(node)
        case "Add": try append(.binary(.add), node, reading: 2)
        case "Sub": try append(.binary(.subtract), node, reading: 2)
        case "Mul": try append(.binary(.multiply), node, reading: 2)
        case "Div": try append(.binary(.divide), node, reading: 2)
        case "Relu": try unary(.relu, node)
        case "LeakyRelu": try unary(.leakyRelu(slope: node.float("alpha") ?? 0.01), node)
        case "Sigmoid": try unary(.sigmoid, node)
        case "Tanh": try unary(.tanh, node)
        case "Erf": try unary(.erf, node)
        case "Exp": try unary(.exp, node)
        case "Log": try unary(.log, node)
        case "Sqrt": try unary(.sqrt, node)
        case "Neg": try unary(.negate, node)
        case "Reciprocal": try unary(.reciprocal, node)
        case "Gelu": try unary(node.string("approximate") == "tanh" ? .geluTanh : .gelu, node)
        case "PRelu": try append(.prelu, node, reading: 2)
        case "Gemm": try gemm(node)
        case "MatMul": try matMul(node)
        case "Conv": try convolution(node)
        case "MaxPool": try append(.maxPool(try poolWindow(node)), node, reading: 1)
        case "AveragePool":
            let countsPadding = node.int("count_include_pad") == 1
            try append(.averagePool(try poolWindow(node), countsPadding: countsPadding), node, reading: 1)
        case "GlobalAveragePool":
            let rank = try shape(node, 0).rank
            guard rank >= 3 else { throw unfit(node, "a value of shape \(try shape(node, 0)) has no spatial axis") }
            try append(.reduce(.mean, axes: Array(2..<rank), keepsAxes: true), node, reading: 1)
        case "BatchNormalization":
            guard node.int("training_mode") != 1 else {
                throw .unsupportedOperator([node.description + " in training mode: export after model.eval()"])
            }
            try append(.batchNorm(epsilon: node.float("epsilon") ?? 1e-5), node, reading: 5)
        case "Softmax": try append(.softmax(axis: try axis(node.int("axis") ?? -1, node)), node, reading: 1)
        case "ReduceMean": try reduce(.mean, node, axesInputFrom: 18)
        case "ReduceSum": try reduce(.sum, node, axesInputFrom: 13)
        case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
            try append(.reshape(try reshaped(node)), node, reading: 1)
        case "Transpose":
            let rank = try shape(node, 0).rank
            try append(.transpose(node.ints("perm") ?? Array((0..<rank).reversed())), node, reading: 1)
        case "Concat":
            guard let axis = node.int("axis") else { throw unfit(node, "it does not say on which axis") }
            try append(.concat(axis: try self.axis(axis, node)), node, reading: max(1, node.inputs.count))
        case "Slice": try slice(node)
        case "Expand":
            let (from, sizes) = (try shape(node, 0), try integers(node, 1))
            let target = try shaped(node) { () throws(ShapeError) in try Shape(sizes).broadcast(with: from) }
            try append(.broadcast(target), node, reading: 1)
        case "Cast": try append(.cast(try node.elementType("to")), node, reading: 1)
        // "Shape" is always folded; "Gather" only where it picks sizes.
        default: throw .unsupportedOperator([node.description])
        }
    }

    // MARK: Plain

    /// Appends one op that reads the first operands of the node, and those after them that are there.
    private mutating func append(
        _ op: Op, _ node: LoweredNode, reading count: Int, optional: Int = 0
    ) throws(FormatError) {
        var operands: [ValueID] = []
        for position in 0..<count { operands.append(try operand(try node.input(position))) }
        for position in count..<(count + optional) where node.hasInput(position) {
            operands.append(try operand(try node.input(position)))
        }
        try finish(op, operands, node)
    }

    /// Appends the op that computes the node's result.
    private mutating func finish(_ op: Op, _ operands: [ValueID], _ node: LoweredNode) throws(FormatError) {
        let name = try node.output()
        values[name] = .computed(try emit(op, operands, node, name: name))
    }

    private mutating func emit(
        _ op: Op, _ operands: [ValueID], _ node: LoweredNode, name: String = ""
    ) throws(FormatError) -> ValueID {
        let value: ValueID
        do throws(ModelError) {
            value = try graph.append(op, operands, name: name, scope: node.scope, origin: Origin(nodes: [node.index]))
        } catch {
            switch error {
            case .shape(_, let reason): throw unfit(node, "\(reason)")
            case .elementType(_, let expected, let found):
                throw .unsupportedType("node \(node.description) works on \(found): only \(expected) can be run here")
            default: throw unfit(node, "\(error)")
            }
        }
        let type = graph.type(value)
        guard type.shape.rank <= Limits.rank else { throw unfit(node, "its result has \(type.shape.rank) axes") }
        guard type.shape.elementCount <= Limits.elements else {
            throw .tooLarge("node \(node.description): its result of shape \(type.shape) is too large")
        }
        return value
    }

    enum Limits {
        /// As many axes as oneDNN takes.
        static let rank = 12
        /// More than any machine's memory, and few enough that sums of sizes in bytes do not overflow.
        static let elements = 1 << 38
    }

    mutating func alias(_ node: LoweredNode) throws(FormatError) {
        guard let value = values[try node.input(0)] else { throw absent(try node.input(0)) }
        values[try node.output()] = value
    }

    private mutating func unary(_ kind: UnaryKind, _ node: LoweredNode) throws(FormatError) {
        try append(.unary(kind), node, reading: 1)
    }

    /// A constant of known sizes that is too long to be shape arithmetic.
    private mutating func fill(_ node: LoweredNode) throws(FormatError) {
        let value = try node.fillValue()
        guard value.type == .float32 else {
            throw .unsupportedType("node \(node.description) fills with \(value.type): only float32 can be run here")
        }
        let sizes = try integers(node, 0)
        let target = try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
        try finish(.broadcast(target), [try emit(.constant(value), [], node)], node)
    }

    // MARK: Linear

    /// `alpha A' B' + beta C`
    ///
    /// - SeeAlso: onnx/Operators.md#Gemm
    private mutating func gemm(_ node: LoweredNode) throws(FormatError) {
        guard try shape(node, 0).rank == 2, try shape(node, 1).rank == 2 else {
            throw unfit(node, "shapes \(try shape(node, 0)) and \(try shape(node, 1)) are not two matrices")
        }
        let (alpha, beta) = (node.float("alpha") ?? 1, node.float("beta") ?? 1)
        let (transposeLeft, transposeRight) = (node.int("transA") ?? 0 != 0, node.int("transB") ?? 0 != 0)
        let op = Op.matMul(transposeLeft: transposeLeft, transposeRight: transposeRight)
        var operands = [try operand(try node.input(0)), try operand(try node.input(1))]
        let addend = node.hasInput(2) && beta != 0 ? try operand(try node.input(2)) : nil
        let columns = try shape(node, 1)[transposeRight ? 0 : 1]
        if alpha == 1, beta == 1, let addend, graph.shape(addend).dimensions == [columns] {
            operands.append(addend)
            return try finish(op, operands, node)
        }
        guard alpha != 1 || addend != nil else { return try finish(op, operands, node) }
        let product = try emit(op, operands, node)
        let shape = graph.shape(product)
        guard let addend else {
            return try finish(.binary(.multiply), [product, try factor(alpha, node)], node)
        }
        guard try shaped(node, { () throws(ShapeError) in try shape.broadcast(with: graph.shape(addend)) }) == shape
        else { throw unfit(node, "C of shape \(graph.shape(addend)) does not stretch to \(shape)") }
        let left = alpha == 1 ? product : try emit(.binary(.multiply), [product, try factor(alpha, node)], node)
        let right = beta == 1 ? addend : try emit(.binary(.multiply), [addend, try factor(beta, node)], node)
        try finish(.binary(.add), [left, right], node)
    }

    private mutating func factor(_ value: Float, _ node: LoweredNode) throws(FormatError) -> ValueID {
        try emit(.constant(try node.tensor(value)), [], node)
    }

    /// A vector on either side is a matrix of one row or column, whose axis goes again.
    private mutating func matMul(_ node: LoweredNode) throws(FormatError) {
        var (left, right) = (try operand(try node.input(0)), try operand(try node.input(1)))
        let (leftShape, rightShape) = (graph.shape(left), graph.shape(right))
        if leftShape.rank == 1 { left = try emit(try reshape([1] + leftShape.dimensions, node), [left], node) }
        if rightShape.rank == 1 { right = try emit(try reshape(rightShape.dimensions + [1], node), [right], node) }
        let op = Op.matMul(transposeLeft: false, transposeRight: false)
        guard leftShape.rank == 1 || rightShape.rank == 1 else { return try finish(op, [left, right], node) }
        let product = try emit(op, [left, right], node)
        var sizes = graph.shape(product).dimensions
        if rightShape.rank == 1 { sizes.removeLast() }
        if leftShape.rank == 1 { sizes.remove(at: sizes.count - (rightShape.rank == 1 ? 1 : 2)) }
        try finish(try reshape(sizes, node), [product], node)
    }

    private func reshape(_ sizes: [Int], _ node: LoweredNode) throws(FormatError) -> Op {
        .reshape(try shaped(node) { () throws(ShapeError) in try Shape(sizes) })
    }

    private mutating func convolution(_ node: LoweredNode) throws(FormatError) {
        let weight = try shape(node, 1)
        let kernel = node.ints("kernel_shape") ?? Array(weight.dimensions.dropFirst(2))
        let op = Op.convolution(try window(node, kernel: kernel), groups: node.int("group") ?? 1)
        try append(op, node, reading: 2, optional: 1)
    }

    // MARK: Along axes

    private mutating func reduce(
        _ kind: ReduceKind, _ node: LoweredNode, axesInputFrom version: Int
    ) throws(FormatError) {
        let shape = try shape(node, 0)
        var axes = node.ints("axes") ?? []
        if opset >= version, node.hasInput(1) { axes = try integers(node, 1) }
        if axes.isEmpty {
            if node.int("noop_with_empty_axes") == 1 { return try alias(node) }
            axes = Array(shape.dimensions.indices)
        }
        var resolved: Set<Int> = []
        for axis in axes { resolved.insert(try self.axis(axis, node)) }
        try append(
            .reduce(kind, axes: resolved.sorted(), keepsAxes: (node.int("keepdims") ?? 1) != 0), node, reading: 1)
    }

    private mutating func slice(_ node: LoweredNode) throws(FormatError) {
        let (starts, ends) = (try integers(node, 1), try integers(node, 2))
        let axes = node.hasInput(3) ? try integers(node, 3) : Array(starts.indices)
        let steps = node.hasInput(4) ? try integers(node, 4) : starts.map { _ in 1 }
        guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count else {
            throw unfit(node, "its starts, ends, axes and steps are not as many")
        }
        guard steps.allSatisfy({ $0 == 1 }) else {
            throw .unsupportedOperator([node.description + " with a step other than 1"])
        }
        guard let last = starts.indices.last else { return try alias(node) }
        var value = try operand(try node.input(0))
        for index in starts.indices {
            let axis = try self.axis(axes[index], node)
            let range = Self.sliced(from: starts[index], to: ends[index], of: graph.shape(value)[axis])
            let op = Op.slice(axis: axis, start: range.lowerBound, count: range.count)
            if index == last { return try finish(op, [value], node) }
            value = try emit(op, [value], node)
        }
    }
}
