import Compute
import Model

extension ONNXLowering {
    /// The numbers of an activation that is an attribute of another operator; nil for those of its own operator.
    struct ActivationFactors {
        var alpha: Float?
        var beta: Float?
        var gamma: Float?
    }

    /// Lowers `com.microsoft.FusedGemm`: an activation of a `Gemm`.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.FusedGemm
    mutating func fusedGemm(_ node: NodeView) throws(FormatError) {
        let (op, operands) = try weightedProduct(node)
        let factors = ActivationFactors(
            alpha: node.float("activation_alpha"), beta: node.float("activation_beta"),
            gamma: node.float("activation_gamma"))
        try finishActivated(try emit(op, operands, node), node.string("activation") ?? "", factors, node)
    }

    /// Lowers `com.microsoft.FusedConv`: an activation of a `Conv`, to which a fourth operand may be added before.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.FusedConv
    mutating func fusedConvolution(_ node: NodeView) throws(FormatError) {
        var operands = [try operand(node, 0), try operand(node, 1)]
        let op = try convolutionOp(node)
        if node.hasInput(2) { operands.append(try operand(node, 2)) }
        var value = try emit(op, operands, node)
        if node.hasInput(3) {
            let addend = try operand(node, 3)
            guard graph.shape(addend) == graph.shape(value) else {
                throw unfit(node, "\(graph.shape(addend)) is added to a value of shape \(graph.shape(value))")
            }
            value = try emit(.binary(.add), [value, addend], node)
        }
        let numbers = node.floats("activation_params") ?? []
        let activation = node.string("activation") ?? ""
        guard activation == "Clip" else {
            let factors = ActivationFactors(alpha: numbers.first, beta: numbers.dropFirst().first)
            return try finishActivated(value, activation, factors, node)
        }
        guard numbers.count == 2, numbers[0] <= numbers[1] else { throw unfit(node, "it clips to \(numbers)") }
        try finish(.unary(.clip(minimum: numbers[0], maximum: numbers[1])), [value], node)
    }

    /// Finishes the node with an activation that an attribute names.
    private mutating func finishActivated(
        _ x: ValueID, _ name: String, _ factors: ActivationFactors, _ node: NodeView
    ) throws(FormatError) {
        let kinds: [String: UnaryKind] = [
            "Relu": .relu, "Tanh": .tanh, "Sigmoid": .sigmoid, "Softsign": .softsign, "Softplus": .softplus,
            "HardSwish": .hardSwish, "LeakyRelu": .leakyRelu(slope: factors.alpha ?? 0.01),
            "Elu": .elu(alpha: factors.alpha ?? 1),
            "HardSigmoid": .hardSigmoid(alpha: factors.alpha ?? 0.2, beta: factors.beta ?? 0.5),
        ]
        if let kind = kinds[name] { return try finish(.unary(kind), [x], node) }
        switch name {
        case "Selu": try finishSelu(x, alpha: factors.alpha, gamma: factors.gamma, node)
        case "ThresholdedRelu": try finishThresholdedRelu(x, alpha: factors.alpha, node)
        default: throw node.unsupported(" with the activation '\(name)': export without the optimizer's fusions")
        }
    }
}
