import Compute
import Model

/// An ONNX operator: how it is lowered, and what else the service must know of it.
struct ONNXOperator: Sendable {
    /// A function that appends the ops of a node; it throws a ``FormatError``.
    typealias Lowering = @Sendable (inout ONNXLowering, NodeView) throws -> Void

    /// Lowers a node of the operator; nil when the operator cannot be run.
    let lower: Lowering?
    /// The remedy for an operator that cannot be run, after the name of the node; may be empty.
    var remedy = ""
    /// True when the result has the shape of one of its operands.
    var keepsShape = false
    /// True when results are integers, Booleans or made of them, so that no gradient passes.
    var isDiscrete = false
    /// True when the node has subgraphs, so that its operands alone do not determine its result.
    var hasSubgraphs = false

    init(
        keepsShape: Bool = false, isDiscrete: Bool = false, hasSubgraphs: Bool = false, _ lower: @escaping Lowering
    ) {
        (self.keepsShape, self.isDiscrete, self.hasSubgraphs) = (keepsShape, isDiscrete, hasSubgraphs)
        self.lower = lower
    }

    private init(remedy: String, isDiscrete: Bool) { (lower, self.remedy, self.isDiscrete) = (nil, remedy, isDiscrete) }

    /// An operator that cannot be run.
    static func unsupported(_ remedy: String = "", isDiscrete: Bool = false) -> ONNXOperator {
        ONNXOperator(remedy: remedy, isDiscrete: isDiscrete)
    }

    /// An operator that is one op on its first `count` operands.
    static func op(_ op: Op, reading count: Int, isDiscrete: Bool = false) -> ONNXOperator {
        ONNXOperator(isDiscrete: isDiscrete) { try $0.append(op, $1, reading: count) }
    }

    static func unary(_ kind: UnaryKind) -> ONNXOperator { unary { _ in kind } }

    /// A unary operator whose attributes choose the op.
    static func unary(_ kind: @escaping @Sendable (NodeView) -> UnaryKind) -> ONNXOperator {
        ONNXOperator(keepsShape: true) { try $0.append(.unary(kind($1)), $1, reading: 1) }
    }

    static func binary(_ kind: BinaryKind) -> ONNXOperator {
        ONNXOperator(keepsShape: true) { try $0.append(.binary(kind), $1, reading: 2) }
    }
}

extension ONNXLowering {
    /// Every operator that the service knows, prefixed with its domain unless that is the default one.
    static let operators: [String: ONNXOperator] = [
        activations, arithmetic, logic, reductions, products, recurrent, pooling, norms, movement, knownValues,
        indexing,
        control, microsoft, machineLearning, quantization, unsupported,
    ].reduce(into: [:]) { all, family in
        all.merge(family) { _, _ in preconditionFailure("an operator belongs to one family") }
    }

    /// The operators that can be run.
    static let supported = Set(operators.filter { $1.lower != nil }.keys)

    private static let control: [String: ONNXOperator] = [
        "If": ONNXOperator(hasSubgraphs: true) { try $0.choose($1) },
        "Loop": ONNXOperator(hasSubgraphs: true) { try $0.unroll($1) },
    ]

    private static let unsupported: [String: ONNXOperator] = {
        let random = ONNXOperator.unsupported(" is random: export after model.eval()")
        return [
            "Bernoulli": random, "Multinomial": random, "RandomNormal": random, "RandomNormalLike": random,
            "RandomUniform": random, "RandomUniformLike": random,
            "com.microsoft.nchwc.Conv": .unsupported(
                " is made for one machine: export without the optimizer's last level"),
        ]
    }()
}
