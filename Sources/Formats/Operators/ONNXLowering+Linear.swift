import Compute
import Model

extension ONNXLowering {
    static let products: [String: ONNXOperator] = [
        "Attention": ONNXOperator { try $0.attention($1) },
        "Conv": ONNXOperator { try $0.convolution($1) },
        "ConvTranspose": ONNXOperator { try $0.transposedConvolution($1) },
        "Einsum": ONNXOperator { try $0.einsum($1) },
        "Gemm": ONNXOperator { try $0.gemm($1) },
        "MatMul": ONNXOperator { try $0.matMul($1) },
        "RotaryEmbedding": ONNXOperator { try $0.rotaryEmbedding($1) },
    ]

    /// Lowers `Gemm`: `alpha A' B' + beta C`.
    ///
    /// - SeeAlso: onnx/Operators.md#Gemm
    private mutating func gemm(_ node: NodeView) throws(FormatError) {
        let (op, operands) = try weightedProduct(node)
        try finish(op, operands, node)
    }

    /// The last op of `alpha A' B' + beta C` and its operands; the ops before it are appended.
    mutating func weightedProduct(_ node: NodeView) throws(FormatError) -> (op: Op, operands: [ValueID]) {
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
            return (op, operands)
        }
        guard alpha != 1 || addend != nil else { return (op, operands) }
        let product = try emit(op, operands, node)
        let shape = graph.shape(product)
        guard let addend else { return (.binary(.multiply), [product, try factor(alpha, node)]) }
        guard try shaped(node, { () throws(ShapeError) in try shape.broadcast(with: graph.shape(addend)) }) == shape
        else { throw unfit(node, "C of shape \(graph.shape(addend)) does not stretch to \(shape)") }
        let left = alpha == 1 ? product : try emit(.binary(.multiply), [product, try factor(alpha, node)], node)
        let right = beta == 1 ? addend : try emit(.binary(.multiply), [addend, try factor(beta, node)], node)
        return (.binary(.add), [left, right])
    }

    /// Lowers `MatMul`. A vector is a matrix of one row or column, whose axis is removed from the result.
    private mutating func matMul(_ node: NodeView) throws(FormatError) {
        var (left, right) = (try operand(node, 0), try operand(node, 1))
        let (leftShape, rightShape) = (graph.shape(left), graph.shape(right))
        if leftShape.rank == 1 { left = try emit(try reshape([1] + leftShape.dimensions, node), [left], node) }
        if rightShape.rank == 1 { right = try emit(try reshape(rightShape.dimensions + [1], node), [right], node) }
        // PyTorch stores a weight as `[out, in]` and transposes it in the graph, unless the exporter has done so.
        var turnsRight = false
        if case .transpose([1, 0]) = graph[right].op, graph.parameterIndex(graph[right].operands[0]) != nil {
            (right, turnsRight) = (graph[right].operands[0], true)
        }
        let op = Op.matMul(transposeLeft: false, transposeRight: turnsRight)
        guard leftShape.rank == 1 || rightShape.rank == 1 else { return try finish(op, [left, right], node) }
        let product = try emit(op, [left, right], node)
        var sizes = graph.shape(product).dimensions
        if rightShape.rank == 1 { sizes.removeLast() }
        if leftShape.rank == 1 { sizes.remove(at: sizes.count - (rightShape.rank == 1 ? 1 : 2)) }
        try finish(try reshape(sizes, node), [product], node)
    }

    private mutating func convolution(_ node: NodeView) throws(FormatError) {
        try append(try convolutionOp(node), node, reading: 2, optional: 1)
    }

    /// The convolution of a node with a window and groups as `Conv` has them.
    func convolutionOp(_ node: NodeView) throws(FormatError) -> Op {
        let weight = try shape(node, 1)
        let kernel = node.ints("kernel_shape") ?? Array(weight.dimensions.dropFirst(2))
        return .convolution(try window(node, kernel: kernel), groups: node.int("group") ?? 1)
    }

    /// Lowers `ConvTranspose`: the gradient of the convolution that has its window and its weight.
    ///
    /// - SeeAlso: onnx/Operators.md#ConvTranspose
    private mutating func transposedConvolution(_ node: NodeView) throws(FormatError) {
        let (x, weight) = (try shape(node, 0), try shape(node, 1))
        let groups = node.int("group") ?? 1
        guard weight.rank == x.rank, x.rank >= 3, groups > 0, x[1] % groups == 0, weight[0] == x[1] else {
            throw unfit(node, "a weight of shape \(weight) for a value of shape \(x) in \(groups) groups")
        }
        let (window, sizes) = try transposedWindow(node, kernel: Array(weight.dimensions.dropFirst(2)))
        let (channels, overflow) = weight[1].multipliedReportingOverflow(by: groups)
        guard !overflow else { throw unfit(node, "\(groups) groups of \(weight[1]) channels") }
        let shape = try shaped(node) { () throws(ShapeError) in try Shape([x[0], channels] + sizes) }
        let op = Op.convolutionDataGradient(window, groups: groups, shape)
        guard node.hasInput(2) else { return try append(op, node, reading: 2) }
        let product = try emit(op, [try operand(node, 0), try operand(node, 1)], node)
        guard try self.shape(node, 2).dimensions == [channels] else { throw unfit(node, "its bias does not fit") }
        let row = [channels] + sizes.map { _ in 1 }
        try finish(.binary(.add), [product, try reshaped(try operand(node, 2), row, node)], node)
    }
}
