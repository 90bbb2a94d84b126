import Compute
import Model

extension ONNXLowering {
    /// Appends what a node computes. What it cannot say as ops of ours is refused before, by ``supports(_:)``.
    mutating func lower(_ node: LoweredNode) throws(FormatError) {
        switch node.opType {
        case "Identity", "Dropout":
            try alias(node)
        case "Constant":
            values[try node.output()] = .known(try node.constant(), name: try node.output())
        case "Add": try binary(.add, node)
        case "Sub": try binary(.subtract, node)
        case "Mul": try binary(.multiply, node)
        case "Div": try binary(.divide, node)
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
        case "PRelu": try append(.prelu, node)
        case "Gemm": try gemm(node)
        case "MatMul": try matMul(node)
        case "Conv": try convolution(node)
        case "MaxPool": try append(.maxPool(try window(node, over: node.inputs[0])), node, reading: 1)
        case "AveragePool":
            let countsPadding = node.int("count_include_pad") == 1
            let window = try window(node, over: node.inputs[0])
            try append(.averagePool(window, countsPadding: countsPadding), node, reading: 1)
        case "GlobalAveragePool":
            let axes = Array(2..<max(2, try shape(node, 0).rank))
            try append(.reduce(.mean, axes: axes, keepsAxes: true), node)
        case "BatchNormalization":
            try append(.batchNorm(epsilon: node.float("epsilon") ?? 1e-5), node, reading: 5)
        case "Softmax":
            try append(.softmax(axis: try axis(node.int("axis") ?? -1, node)), node)
        case "ReduceMean": try reduce(.mean, node, axesInputFrom: 18)
        case "ReduceSum": try reduce(.sum, node, axesInputFrom: 13)
        case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
            try append(.reshape(try reshaped(node)), node, reading: 1)
        case "Transpose":
            let rank = try shape(node, 0).rank
            try append(.transpose(node.ints("perm") ?? Array((0..<rank).reversed())), node)
        case "Concat":
            try append(.concat(axis: try axis(node.int("axis") ?? 0, node)), node)
        case "Slice": try slice(node)
        case "Expand":
            let sizes = try integers(node, 1)
            let target = try shaped(node) { () throws(ShapeError) in
                try Shape(sizes).broadcast(with: type(node.inputs[0])?.shape ?? .scalar)
            }
            try append(.broadcast(target), node, reading: 1)
        case "Cast":
            try append(.cast(try node.elementType("to")), node)
        default:
            throw .unsupportedOperator([node.description])
        }
    }

    // MARK: Plain

    /// Appends one op that reads the first operands of the node.
    private mutating func append(_ op: Op, _ node: LoweredNode, reading count: Int? = nil) throws(FormatError) {
        var operands: [ValueID] = []
        for name in node.inputs.prefix(count ?? node.inputs.count) where !name.isEmpty {
            operands.append(try operand(name))
        }
        try finish(op, operands, node)
    }

    private mutating func finish(_ op: Op, _ operands: [ValueID], _ node: LoweredNode) throws(FormatError) {
        values[try node.output()] = .computed(try emit(op, operands, node, name: try node.output()))
    }

    private mutating func emit(
        _ op: Op, _ operands: [ValueID], _ node: LoweredNode, name: String = ""
    ) throws(FormatError) -> ValueID {
        do {
            return try graph.append(op, operands, name: name, scope: node.scope, origin: Origin(nodes: [node.index]))
        } catch {
            throw .invalidONNX("node \(node.description): \(error)")
        }
    }

    private mutating func alias(_ node: LoweredNode) throws(FormatError) {
        guard let value = values[node.inputs.first ?? ""] else {
            throw .invalidONNX("node \(node.description) reads a value that nothing computes")
        }
        values[try node.output()] = value
    }

    private mutating func unary(_ kind: UnaryKind, _ node: LoweredNode) throws(FormatError) {
        try append(.unary(kind), node, reading: 1)
    }

    private mutating func binary(_ kind: BinaryKind, _ node: LoweredNode) throws(FormatError) {
        try append(.binary(kind), node, reading: 2)
    }

    // MARK: Linear

    /// `alpha A' B' + beta C`
    ///
    /// - SeeAlso: onnx/Operators.md#Gemm
    private mutating func gemm(_ node: LoweredNode) throws(FormatError) {
        let (alpha, beta) = (node.float("alpha") ?? 1, node.float("beta") ?? 1)
        let op = Op.matMul(transposeLeft: node.int("transA") == 1, transposeRight: node.int("transB") == 1)
        var operands = [try operand(try node.input(0)), try operand(try node.input(1))]
        let addend = node.inputs.count > 2 && !node.inputs[2].isEmpty && beta != 0 ? node.inputs[2] : nil
        let columns = try shape(node, 1)[node.int("transB") == 1 ? 0 : 1]
        if alpha == 1, beta == 1, let addend, type(addend)?.shape.dimensions == [columns] {
            operands.append(try operand(addend))
            return try finish(op, operands, node)
        }
        guard alpha != 1 || addend != nil else { return try finish(op, operands, node) }
        var result = try emit(op, operands, node)
        if alpha != 1 { result = try scaled(result, by: alpha, node) }
        if let addend {
            let value = try operand(addend)
            result = try emit(.binary(.add), [result, beta == 1 ? value : try scaled(value, by: beta, node)], node)
        }
        values[try node.output()] = .computed(result)
    }

    private mutating func scaled(_ value: ValueID, by factor: Float, _ node: LoweredNode) throws(FormatError) -> ValueID
    {
        try emit(.binary(.multiply), [value, try emit(.constant(try node.tensor(factor)), [], node)], node)
    }

    /// A vector on either side is a matrix of one row or column, whose axis goes again.
    private mutating func matMul(_ node: LoweredNode) throws(FormatError) {
        var (left, right) = (try operand(try node.input(0)), try operand(try node.input(1)))
        let (leftShape, rightShape) = (graph.shape(left), graph.shape(right))
        if leftShape.rank == 1 { left = try reshape(left, [1] + leftShape.dimensions, node) }
        if rightShape.rank == 1 { right = try reshape(right, rightShape.dimensions + [1], node) }
        let op = Op.matMul(transposeLeft: false, transposeRight: false)
        guard leftShape.rank == 1 || rightShape.rank == 1 else { return try finish(op, [left, right], node) }
        let product = try emit(op, [left, right], node)
        var sizes = graph.shape(product).dimensions
        if rightShape.rank == 1 { sizes.removeLast() }
        if leftShape.rank == 1 { sizes.remove(at: sizes.count - (rightShape.rank == 1 ? 1 : 2)) }
        values[try node.output()] = .computed(try reshape(product, sizes, node))
    }

    private mutating func reshape(_ value: ValueID, _ sizes: [Int], _ node: LoweredNode) throws(FormatError) -> ValueID
    {
        try emit(.reshape(try shaped(node) { () throws(ShapeError) in try Shape(sizes) }), [value], node)
    }

    private mutating func convolution(_ node: LoweredNode) throws(FormatError) {
        let weight = try shape(node, 1)
        let kernel = node.ints("kernel_shape") ?? Array(weight.dimensions.dropFirst(2))
        try append(
            .convolution(try window(node, kernel: kernel, over: node.inputs[0]), groups: node.int("group") ?? 1), node,
            reading: 3)
    }

    // MARK: Along axes

    private mutating func reduce(_ kind: ReduceKind, _ node: LoweredNode, axesInputFrom version: Int)
        throws(FormatError)
    {
        let rank = try shape(node, 0).rank
        var axes = node.ints("axes") ?? []
        if opset >= version, node.inputs.count > 1, !node.inputs[1].isEmpty { axes = try integers(node, 1) }
        if axes.isEmpty {
            if node.int("noop_with_empty_axes") == 1 { return try alias(node) }
            axes = Array(0..<rank)
        }
        var resolved: [Int] = []
        for axis in axes { resolved.append(try self.axis(axis, node)) }
        try append(
            .reduce(kind, axes: resolved.sorted(), keepsAxes: (node.int("keepdims") ?? 1) != 0), node, reading: 1)
    }

    private mutating func slice(_ node: LoweredNode) throws(FormatError) {
        let (starts, ends) = (try integers(node, 1), try integers(node, 2))
        let axes = node.hasInput(3) ? try integers(node, 3) : Array(starts.indices)
        let steps = node.hasInput(4) ? try integers(node, 4) : starts.map { _ in 1 }
        guard starts.count == ends.count, axes.count == starts.count, steps.allSatisfy({ $0 == 1 }) else {
            throw .unsupportedOperator([node.description + " with a step other than 1"])
        }
        var value = try operand(node.inputs[0])
        for (index, axis) in axes.enumerated() {
            let axis = try self.axis(axis, node)
            let size = graph.shape(value)[axis]
            let start = clamp(starts[index], size), end = clamp(ends[index], size)
            value = try emit(.slice(axis: axis, start: start, count: max(0, end - start)), [value], node)
        }
        values[try node.output()] = .computed(value)
    }

    private func clamp(_ index: Int, _ size: Int) -> Int {
        min(max(index < 0 ? index + size : index, 0), size)
    }

    // MARK: What the sizes are

    func shape(_ node: LoweredNode, _ index: Int) throws(FormatError) -> Shape {
        guard let type = type(try node.input(index)) else {
            throw .invalidONNX("node \(node.description) reads '\(try node.input(index))', which nothing computes")
        }
        return type.shape
    }

    private func axis(_ axis: Int, _ node: LoweredNode) throws(FormatError) -> Int {
        let shape = try shape(node, 0)
        guard let resolved = shape.axis(axis) else {
            throw .invalidONNX("node \(node.description): axis \(axis) of a value of shape \(shape)")
        }
        return resolved
    }

    /// An operand that must be known, as integers.
    func integers(_ node: LoweredNode, _ index: Int) throws(FormatError) -> [Int] {
        guard let tensor = known(try node.input(index)), tensor.type == .int64 else {
            throw .unsupportedOperator([node.description + " with sizes that depend on the data"])
        }
        return tensor.int64s.map(Int.init)
    }

    func shaped(
        _ node: LoweredNode, _ body: () throws(ShapeError) -> Shape
    ) throws(FormatError) -> Shape {
        do { return try body() } catch { throw .invalidONNX("node \(node.description): \(error)") }
    }

    private func reshaped(_ node: LoweredNode) throws(FormatError) -> Shape {
        let from = try shape(node, 0)
        var sizes = from.dimensions
        switch node.opType {
        case "Flatten":
            let axis = node.int("axis") ?? 1
            let split = axis < 0 ? axis + from.rank : axis
            guard (0...from.rank).contains(split) else {
                throw .invalidONNX("node \(node.description): axis \(axis) of a value of shape \(from)")
            }
            sizes = [sizes[..<split].reduce(1, *), sizes[split...].reduce(1, *)]
        case "Squeeze":
            let axes = node.hasInput(1) ? try integers(node, 1) : nil
            var removed: Set<Int> = []
            for axis in axes ?? sizes.indices.filter({ sizes[$0] == 1 }) { removed.insert(try self.axis(axis, node)) }
            sizes = sizes.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
        case "Unsqueeze":
            let axes = try integers(node, 1)
            let rank = from.rank + axes.count
            let places = Set(axes.map { $0 < 0 ? $0 + rank : $0 })
            guard places.count == axes.count, places.allSatisfy((0..<rank).contains) else {
                throw .invalidONNX("node \(node.description): axes \(axes) of a value of shape \(from)")
            }
            var rest = sizes.makeIterator()
            sizes = (0..<rank).map { places.contains($0) ? 1 : rest.next() ?? 1 }
        default:
            sizes = try integers(node, 1)
            if node.int("allowzero") != 1 {
                for (index, size) in sizes.enumerated() where size == 0 && index < from.rank {
                    sizes[index] = from[index]
                }
            }
            if let free = sizes.firstIndex(of: -1) {
                sizes[free] = 1
                let rest = try shaped(node) { () throws(ShapeError) in try Shape(sizes) }.elementCount
                guard rest > 0, from.elementCount % rest == 0 else {
                    throw .invalidONNX("node \(node.description): a value of shape \(from) cannot become \(sizes)")
                }
                sizes[free] = from.elementCount / rest
            }
        }
        return try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
    }

    /// How a convolution or a pooling slides. A window that may hang over the end (`ceil_mode`) is padding there.
    private func window(
        _ node: LoweredNode, kernel given: [Int]? = nil, over input: String
    ) throws(FormatError) -> Window {
        guard let x = type(input)?.shape, let kernel = given ?? node.ints("kernel_shape"), kernel.count == x.rank - 2
        else {
            throw .invalidONNX("node \(node.description): the kernel has not the axes of its input")
        }
        let ones = kernel.map { _ in 1 }
        let strides = node.ints("strides") ?? ones
        let dilations = node.ints("dilations") ?? ones
        var pads = node.ints("pads") ?? (ones + ones).map { _ in 0 }
        guard strides.count == kernel.count, dilations.count == kernel.count, pads.count == 2 * kernel.count,
            (kernel + strides + dilations).allSatisfy({ (1...65536).contains($0) }),
            pads.allSatisfy({ (0...65536).contains($0) })
        else { throw .invalidONNX("node \(node.description): strides, dilations and pads do not fit its kernel") }
        for axis in kernel.indices {
            let (size, reach) = (x[axis + 2], dilations[axis] * (kernel[axis] - 1) + 1)
            let automatic = node.string("auto_pad") ?? "NOTSET"
            if automatic.hasPrefix("SAME") {
                let steps = (size + strides[axis] - 1) / strides[axis]
                let total = max(0, (steps - 1) * strides[axis] + reach - size)
                pads[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
                pads[axis + kernel.count] = total - pads[axis]
            }
            if node.int("ceil_mode") == 1 {
                let room = size + pads[axis] + pads[axis + kernel.count] - reach
                let over = room % strides[axis]
                // The last window must begin inside the input or its padding at the start.
                let begin = (room / strides[axis] + 1) * strides[axis]
                if over > 0, begin < size + pads[axis] { pads[axis + kernel.count] += strides[axis] - over }
            }
        }
        return Window(
            kernel: kernel, strides: strides, dilations: dilations, padsBegin: Array(pads.prefix(kernel.count)),
            padsEnd: Array(pads.suffix(kernel.count)))
    }
}
