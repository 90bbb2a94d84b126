import Compute
import Model

// Decomposes the operators that ONNX Runtime's optimizer fuses.
extension ONNXLowering {
    /// Lowers an operator of the domain `com.microsoft`.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md
    mutating func contributed(_ node: NodeView) throws(FormatError) {
        switch node.opType.dropFirst("com.microsoft.".count) {
        case "Gelu": try append(.unary(.gelu), node, reading: 1)
        case "QuickGelu": try append(.unary(.swish(alpha: node.float("alpha") ?? 1.702)), node, reading: 1)
        case "BiasGelu":
            let sum = try emit(.binary(.add), [try operand(node, 0), try operand(node, 1)], node)
            try finish(.unary(.gelu), [sum], node)
        case "FastGelu":
            var value = try operand(node, 0)
            if node.hasInput(1) { value = try emit(.binary(.add), [value, try operand(node, 1)], node) }
            try finish(.unary(.geluTanh), [value], node)
        case "FusedMatMul": try fusedMatMul(node)
        case "SimplifiedLayerNormalization":
            let epsilon = node.float("epsilon") ?? 1e-5
            try normalize(.rootMeanSquare, try operand(node, 0), try operand(node, 1), nil, epsilon, node)
        case "SkipLayerNormalization": try skipNormalization(.layer, node, beta: 3, bias: 4)
        case "SkipSimplifiedLayerNormalization": try skipNormalization(.rootMeanSquare, node, beta: nil, bias: 3)
        default: throw node.unsupported()
        }
    }

    /// Lowers the sum of input, skip and bias, normalised over its last axis; the sum is the fourth result.
    private mutating func skipNormalization(
        _ kind: NormKind, _ node: NodeView, beta: Int?, bias: Int
    ) throws(FormatError) {
        var sum = try emit(.binary(.add), [try operand(node, 0), try operand(node, 1)], node)
        if node.hasInput(bias) { sum = try emit(.binary(.add), [sum, try operand(node, bias)], node) }
        if let name = node.furtherOutput(3) { values[name] = .computed(sum) }
        var shift: ValueID?
        if let beta, node.hasInput(beta) { shift = try operand(node, beta) }
        try normalize(kind, sum, try operand(node, 2), shift, node.float("epsilon") ?? 1e-12, node)
    }

    private mutating func fusedMatMul(_ node: NodeView) throws(FormatError) {
        guard !node.flag("transBatchA"), !node.flag("transBatchB") else {
            throw node.unsupported(" with batches turned around")
        }
        let (left, right) = (try operand(node, 0), try operand(node, 1))
        guard graph.shape(left).rank >= 2, graph.shape(right).rank >= 2 else {
            throw unfit(node, "shapes \(graph.shape(left)) and \(graph.shape(right)) are not matrices")
        }
        let op = Op.matMul(transposeLeft: node.flag("transA"), transposeRight: node.flag("transB"))
        let alpha = node.float("alpha") ?? 1
        guard alpha != 1 else { return try finish(op, [left, right], node) }
        let product = try emit(op, [left, right], node)
        try finish(.binary(.multiply), [product, try factor(alpha, node)], node)
    }
}
