package import Compute
package import Model

/// What stands between two linear layers.
package enum Activation: Hashable, Sendable {
    case unary(UnaryKind)
    /// Index of its slope in ``Graph/parameters``.
    case prelu(slope: Int)

    /// As PyTorch names the module.
    var name: String {
        switch self {
        case .prelu: "PReLU"
        case .unary(.relu): "ReLU"
        case .unary(.leakyRelu): "LeakyReLU"
        case .unary(.gelu), .unary(.geluTanh): "GELU"
        case .unary(.sigmoid): "Sigmoid"
        case .unary(.tanh): "Tanh"
        case .unary(.erf): "Erf"
        case .unary(.exp): "Exp"
        case .unary(.log): "Log"
        case .unary(.sqrt): "Sqrt"
        case .unary(.negate): "Neg"
        case .unary(.reciprocal): "Reciprocal"
        case .unary(.absolute): "Abs"
        case .unary(.sign): "Sign"
        case .unary(.floor): "Floor"
        case .unary(.ceiling): "Ceil"
        case .unary(.round): "Round"
        case .unary(.sin): "Sin"
        case .unary(.cos): "Cos"
        case .unary(.softplus): "Softplus"
        case .unary(.softsign): "Softsign"
        case .unary(.hardSigmoid): "Hardsigmoid"
        case .unary(.hardSwish): "Hardswish"
        case .unary(.clip): "Hardtanh"
        case .unary(.elu): "ELU"
        case .unary(.mish): "Mish"
        case .unary(.swish): "SiLU"
        }
    }
}

/// A run linear - activation - linear that could become one linear layer.
package struct Candidate: Sendable {
    package let first: Linear
    package let second: Linear
    package let activation: Activation
    /// The activation's result: its name tells the candidate apart as long as the activation is there.
    package let activationValue: ValueID
    /// What the activation reads.
    package let activationInput: ValueID
    /// The BatchNorms on the way, in order.
    package let batchNorms: [ValueID]
    /// All ops from the first linear to the second, in evaluation order.
    package let nodes: [ValueID]
    /// `Linear-ReLU-BatchNorm-Linear`
    package let kind: String
    /// Multiply-adds of one sample go through the layer so often (tokens, pixels).
    let rowsPerSample: Int

    package var name: String { first.scope }
    package var inFeatures: Int { first.inFeatures }
    package var hidden: Int { first.outFeatures }
    package var out: Int { second.outFeatures }
    package var input: ValueID { first.input }
    package var output: ValueID { second.output }

    /// Indices of the weights and biases.
    var layerParameters: [Int] { [first.weight, second.weight] + [first.bias, second.bias].compactMap(\.self) }

    /// One layer of the second one's kind in place of the run.
    ///
    /// - Parameters:
    ///   - weight: `[out, in]`
    ///   - bias: `[out]`
    /// - Returns: what to do with the graph.
    func rewrite(weight: Tensor, bias: Tensor) -> Rewrite {
        let replacement: Rewrite.Replacement =
            switch second.axis {
            case .last: .linear(input: input, weight: weight, bias: bias)
            case .second: .pointwise(input: input, weight: weight, bias: bias)
            }
        return Rewrite(removed: nodes, output: output, replacement: replacement, scope: name)
    }
}

/// A run that looks like a candidate and is none.
package struct Refusal: Sendable, Codable, Equatable {
    package let name: String
    package let reason: String
}
