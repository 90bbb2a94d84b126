package import Compute
package import Model

/// The activation between two linear layers.
package enum Activation: Hashable, Sendable {
    case unary(UnaryKind)
    /// A PReLU, with the index of its slope in ``Graph/parameters``.
    case prelu(slope: Int)

    /// The name of the module in PyTorch.
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

/// The identity of a block in a graph and in all graphs that rewrites of other blocks make of it: the name of the
/// activation's result, or the document nodes that it was lowered from where it has no name.
package struct BlockID: Hashable, Sendable {
    private let text: String

    package init(_ activation: String) { text = activation }

    init(_ activation: ValueID, in graph: Graph) {
        let node = graph[activation]
        text = node.name.isEmpty ? node.origin.nodes.map(String.init).joined(separator: ",") : node.name
    }
}

/// A block linear - activation - linear that can be replaced by one linear layer.
package struct Candidate: Sendable, Identifiable {
    package let id: BlockID
    package let first: Linear
    package let second: Linear
    package let activation: Activation
    /// The activation's result.
    package let activationValue: ValueID
    /// The operand of the activation.
    package let activationInput: ValueID
    /// The BatchNorms between the layers, in order.
    package let batchNorms: [ValueID]
    /// All ops from the first linear to the second, in evaluation order.
    package let nodes: [ValueID]
    /// The modules of the block, such as `Linear-ReLU-BatchNorm-Linear`.
    package let kind: String
    /// The number of rows of one sample (tokens, pixels).
    let rowsPerSample: Int

    package var name: String { first.scope }
    package var inFeatures: Int { first.inFeatures }
    package var hidden: Int { first.outFeatures }
    package var out: Int { second.outFeatures }
    package var input: ValueID { first.input }
    package var output: ValueID { second.output }

    /// The indices of the weights and biases.
    var layerParameters: [Int] { [first.weight, second.weight] + [first.bias, second.bias].compactMap(\.self) }

    /// Replaces the block by one layer of the second one's kind.
    ///
    /// - Parameters:
    ///   - weight: `[out, in]`
    ///   - bias: `[out]`
    /// - Returns: the rewrite.
    func rewrite(weight: Tensor, bias: Tensor) -> Rewrite {
        let replacement: Rewrite.Replacement =
            switch second.axis {
            case .last: .linear(input: input, weight: weight, bias: bias)
            case .second: .pointwise(input: input, weight: weight, bias: bias)
            }
        return Rewrite(removed: nodes, output: output, replacement: replacement, scope: name)
    }
}

/// A linear layer that is in no candidate, with the reason.
package struct Refusal: Sendable, Codable, Equatable {
    package let name: String
    package let reason: String
}
