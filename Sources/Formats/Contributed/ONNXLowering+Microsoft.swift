import Compute
import Model

// Decomposes the operators that ONNX Runtime's optimizer fuses.
extension ONNXLowering {
    /// Operators of the domain `com.microsoft`.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md
    static let microsoft: [String: ONNXOperator] = [
        "com.microsoft.Attention": ONNXOperator { try $0.packedAttention($1) },
        "com.microsoft.BiasGelu": ONNXOperator(keepsShape: true) { try $0.biased(.gelu, $1) },
        "com.microsoft.EmbedLayerNormalization": ONNXOperator { try $0.embeddingNorm($1) },
        "com.microsoft.FastGelu": ONNXOperator(keepsShape: true) { try $0.biased(.geluTanh, $1) },
        "com.microsoft.FusedConv": ONNXOperator { try $0.fusedConvolution($1) },
        "com.microsoft.FusedGemm": ONNXOperator { try $0.fusedGemm($1) },
        "com.microsoft.FusedMatMul": ONNXOperator { try $0.fusedMatMul($1) },
        "com.microsoft.Gelu": .unary(.gelu),
        "com.microsoft.MultiHeadAttention": ONNXOperator { try $0.multiHeadAttention($1) },
        "com.microsoft.QuickGelu": .unary { .swish(alpha: $0.float("alpha") ?? 1.702) },
        "com.microsoft.RotaryEmbedding": ONNXOperator { try $0.contributedRotaryEmbedding($1) },
        "com.microsoft.SimplifiedLayerNormalization": ONNXOperator { try $0.rootMeanSquareNorm($1) },
        "com.microsoft.SkipLayerNormalization": ONNXOperator {
            try $0.skipNormalization(.layer, $1, beta: 3, bias: 4)
        },
        "com.microsoft.SkipSimplifiedLayerNormalization": ONNXOperator {
            try $0.skipNormalization(.rootMeanSquare, $1, beta: nil, bias: 3)
        },
    ]

    /// Lowers an activation of the first operand plus the second, if there is one.
    private mutating func biased(_ kind: UnaryKind, _ node: NodeView) throws(FormatError) {
        var value = try operand(node, 0)
        if node.hasInput(1) { value = try emit(.binary(.add), [value, try operand(node, 1)], node) }
        try finish(.unary(kind), [value], node)
    }

    /// Lowers the sum of input, skip and bias, normalised over its last axis; the sum is the fourth result.
    private mutating func skipNormalization(
        _ kind: NormKind, _ node: NodeView, beta: Int?, bias: Int
    ) throws(FormatError) {
        var sum = try emit(.binary(.add), [try operand(node, 0), try operand(node, 1)], node)
        if node.hasInput(bias) { sum = try emit(.binary(.add), [sum, try operand(node, bias)], node) }
        if let name = node.output(3) { define(name, .computed(sum)) }
        var shift: ValueID?
        if let beta, node.hasInput(beta) { shift = try operand(node, beta) }
        try normalize(
            kind, sum, try operand(node, 2), shift, node.float("epsilon") ?? 1e-12, node, deviationOutput: 2)
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
