package import Compute
import Model

/// The activation between two linear layers.
package enum Activation: Hashable, Sendable {
    case unary(UnaryKind)
    /// A PReLU, with the index of its slope in ``Graph/parameters``.
    case prelu(slope: Int)
    /// An activation that one node of the file computes by several ops.
    case composed(ComposedActivation.Kind)

    /// The name of the module in PyTorch.
    var name: String {
        switch self {
        case .prelu: "PReLU"
        case .composed(let kind): kind.rawValue
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

/// The ops by which one node of the file computes an activation, such as `Selu`.
package struct ComposedActivation: Sendable {
    package enum Kind: String, Sendable {
        case selu = "SELU"
        case celu = "CELU"
        case threshold = "Threshold"
    }

    let kind: Kind
    let result: ValueID
    /// The ops and their constants, in evaluation order.
    let nodes: [ValueID]

    /// Recognises the activation of a value; nil if it has none of these kinds, or something else reads a part of it.
    init?(of value: ValueID, in graph: Graph, consumers: [[ValueID]]) {
        guard let start = consumers[value.index].first, graph[start].op.beginsActivation, !graph.isOutput(value),
            case let origin = graph[start].origin, origin.nodes.count == 1
        else { return nil }
        nodes = graph.values.filter { $0 > value && graph[$0].origin == origin }
        let own = Set(nodes)
        guard consumers[value.index].allSatisfy(own.contains) else { return nil }
        let computed = nodes.filter { !graph.isKnown($0) }
        guard let last = computed.last, graph.type(last) == graph.type(value),
            computed.allSatisfy({ node in
                graph[node].operands.allSatisfy { $0 == value || own.contains($0) || graph.isKnown($0) }
                    && (node == last || !graph.isOutput(node) && consumers[node.index].allSatisfy(own.contains))
            })
        else { return nil }
        result = last
        // The spellings of ONNXLowering: gamma elu(x), alpha elu(x / alpha), and x where it is above a bound.
        switch computed.map({ graph[$0].op }) {
        case let ops where ops.count == 2 && ops[0].isELU && ops[1].isProduct: kind = .selu
        case let ops where ops.count == 3 && ops[1].isELU && ops[2].isProduct: kind = .celu
        case let ops where ops.count == 2 && ops[1].isChoice: kind = .threshold
        default: return nil
        }
    }
}

extension Op {
    fileprivate var beginsActivation: Bool {
        switch self {
        case .unary(.elu), .binary(.divide), .compare: true
        default: false
        }
    }
    fileprivate var isELU: Bool { if case .unary(.elu) = self { true } else { false } }
    fileprivate var isProduct: Bool { if case .binary(.multiply) = self { true } else { false } }
    fileprivate var isChoice: Bool { if case .select = self { true } else { false } }
}
