import Compute
import Model

extension ONNXLowering {
    /// Unary functions of each element.
    static let activations: [String: ONNXOperator] = [
        "Abs": .unary(.absolute), "Ceil": .unary(.ceiling), "Cos": .unary(.cos), "Erf": .unary(.erf),
        "Exp": .unary(.exp), "Floor": .unary(.floor), "HardSwish": .unary(.hardSwish), "Log": .unary(.log),
        "Mish": .unary(.mish), "Neg": .unary(.negate), "Reciprocal": .unary(.reciprocal), "Relu": .unary(.relu),
        "Round": .unary(.round), "Sigmoid": .unary(.sigmoid), "Sign": .unary(.sign), "Sin": .unary(.sin),
        "Softplus": .unary(.softplus), "Softsign": .unary(.softsign), "Sqrt": .unary(.sqrt), "Tanh": .unary(.tanh),
        "LeakyRelu": .unary { .leakyRelu(slope: $0.float("alpha") ?? 0.01) },
        "Elu": .unary { .elu(alpha: $0.float("alpha") ?? 1) },
        "HardSigmoid": .unary { .hardSigmoid(alpha: $0.float("alpha") ?? 0.2, beta: $0.float("beta") ?? 0.5) },
        "Gelu": .unary { $0.string("approximate") == "tanh" ? .geluTanh : .gelu },
        "Swish": .unary { .swish(alpha: $0.float("alpha") ?? 1) },
        "Selu": ONNXOperator(keepsShape: true) {
            try $0.finishSelu(try $0.operand($1, 0), alpha: $1.float("alpha"), gamma: $1.float("gamma"), $1)
        },
        "Celu": ONNXOperator(keepsShape: true) { try $0.celu($1) },
        "ThresholdedRelu": ONNXOperator(keepsShape: true) {
            try $0.finishThresholdedRelu(try $0.operand($1, 0), alpha: $1.float("alpha"), $1)
        },
        "Clip": ONNXOperator(keepsShape: true) { try $0.clip($1) },
        "PRelu": ONNXOperator(keepsShape: true) { try $0.append(.prelu, $1, reading: 2) },
        "Identity": ONNXOperator(keepsShape: true) { try $0.alias($1) },
        "Dropout": ONNXOperator(keepsShape: true) { try $0.dropout($1) },
        "Cast": ONNXOperator(keepsShape: true) { try $0.cast(to: try $1.elementType("to"), $1) },
        "CastLike": ONNXOperator { lowering, node in
            try lowering.cast(to: try lowering.elementType(node, 1), node)
        },
        "Softmax": ONNXOperator { try $0.softmax($1) { .softmax(axis: $0) } },
        "LogSoftmax": ONNXOperator { try $0.softmax($1) { .logSoftmax(axis: $0) } },
    ]

    /// Functions of the elements of several operands.
    static let arithmetic: [String: ONNXOperator] = [
        "Add": .binary(.add), "Sub": .binary(.subtract), "Mul": .binary(.multiply), "Div": .binary(.divide),
        "Max": ONNXOperator { try $0.variadic(.maximum, $1) },
        "Min": ONNXOperator { try $0.variadic(.minimum, $1) },
        "Sum": ONNXOperator { try $0.variadic(.add, $1) },
        "Mean": ONNXOperator { try $0.variadic(.add, $1, isMean: true) },
        "Mod": ONNXOperator { try $0.append(.binary($1.flag("fmod") ? .remainder : .modulo), $1, reading: 2) },
        "Pow": ONNXOperator(keepsShape: true) { try $0.power($1) },
        "Where": .op(.select, reading: 3),
    ]

    /// Functions of the elements with Boolean results.
    static let logic: [String: ONNXOperator] = [
        "Equal": .op(.compare(.equal), reading: 2, isDiscrete: true),
        "Less": .op(.compare(.less), reading: 2, isDiscrete: true),
        "LessOrEqual": .op(.compare(.lessOrEqual), reading: 2, isDiscrete: true),
        "Greater": .op(.compare(.greater), reading: 2, isDiscrete: true),
        "GreaterOrEqual": .op(.compare(.greaterOrEqual), reading: 2, isDiscrete: true),
        "And": .op(.logical(.and), reading: 2, isDiscrete: true),
        "Or": .op(.logical(.or), reading: 2, isDiscrete: true),
        "Xor": .op(.logical(.xor), reading: 2, isDiscrete: true),
        "Not": .op(.predicate(.not), reading: 1, isDiscrete: true),
        "IsNaN": .op(.predicate(.isNaN), reading: 1, isDiscrete: true),
        "IsInf": ONNXOperator(isDiscrete: true) { lowering, node in
            let signs = PredicateKind.isInfinite(
                positive: node.flag("detect_positive", otherwise: true),
                negative: node.flag("detect_negative", otherwise: true))
            try lowering.append(.predicate(signs), node, reading: 1)
        },
    ]

    private mutating func variadic(
        _ kind: BinaryKind, _ node: NodeView, isMean: Bool = false
    ) throws(FormatError) {
        var value = try operand(node, 0)
        guard node.inputs.count > 1 else { return try alias(node) }
        for position in 1..<node.inputs.count {
            let operands = [value, try operand(node, position)]
            guard position < node.inputs.count - 1 || isMean else {
                return try finish(.binary(kind), operands, node)
            }
            value = try emit(.binary(kind), operands, node)
        }
        try finish(.binary(.multiply), [value, try factor(1 / Float(node.inputs.count), node)], node)
    }

    /// Finishes the node with `gamma` times the ELU of a value.
    mutating func finishSelu(_ x: ValueID, alpha: Float?, gamma: Float?, _ node: NodeView) throws(FormatError) {
        let value = try emit(.unary(.elu(alpha: alpha ?? 1.673_263_2)), [x], node)
        try finish(.binary(.multiply), [value, try factor(gamma ?? 1.050_701, node)], node)
    }

    /// Finishes the node with a value where it is above `alpha`, and zero elsewhere.
    mutating func finishThresholdedRelu(_ x: ValueID, alpha: Float?, _ node: NodeView) throws(FormatError) {
        let isAbove = try emit(.compare(.greater), [x, try factor(alpha ?? 1, node)], node)
        try finish(.select, [isAbove, x, try factor(0, node)], node)
    }

    private mutating func celu(_ node: NodeView) throws(FormatError) {
        let alpha = node.float("alpha") ?? 1
        guard alpha != 1 else { return try append(.unary(.elu(alpha: 1)), node, reading: 1) }
        guard alpha != 0 else { throw unfit(node, "its alpha is zero") }
        // alpha * (exp(x / alpha) - 1) below zero, x above.
        let scaled = try emit(.binary(.divide), [try operand(node, 0), try factor(alpha, node)], node)
        let value = try emit(.unary(.elu(alpha: 1)), [scaled], node)
        try finish(.binary(.multiply), [value, try factor(alpha, node)], node)
    }

    private mutating func clip(_ node: NodeView) throws(FormatError) {
        guard node.opset >= 11 else {
            let bounds = (node.float("min") ?? -.infinity, node.float("max") ?? .infinity)
            return try append(.unary(.clip(minimum: min(bounds.0, bounds.1), maximum: bounds.1)), node, reading: 1)
        }
        let (low, high) = (try bound(node, 1), try bound(node, 2))
        let isFloat = try elementType(node, 0) == .float32
        if isFloat, let low = low ?? -.infinity as Float?, let high = high ?? .infinity as Float?,
            !node.hasInput(1) || known(node.inputs[1]) != nil, !node.hasInput(2) || known(node.inputs[2]) != nil
        {
            // The upper bound applies where the bounds cross.
            return try append(.unary(.clip(minimum: min(low, high), maximum: high)), node, reading: 1)
        }
        var value = try operand(node, 0)
        if node.hasInput(1) {
            let operands = [value, try operand(node, 1)]
            guard node.hasInput(2) else { return try finish(.binary(.maximum), operands, node) }
            value = try emit(.binary(.maximum), operands, node)
        }
        guard node.hasInput(2) else { return try alias(node) }
        try finish(.binary(.minimum), [value, try operand(node, 2)], node)
    }

    /// The bound of a `Clip`, if it is a known float.
    private func bound(_ node: NodeView, _ position: Int) throws(FormatError) -> Float? {
        guard node.hasInput(position) else { return nil }
        guard try shape(node, position).elementCount == 1 else { throw unfit(node, "a bound is not one number") }
        guard let tensor = known(node.inputs[position]), tensor.type == .float32 else { return nil }
        return tensor.floats[0]
    }

    /// Lowers `Pow`. The exponent may have another type; the result has the type of the base.
    private mutating func power(_ node: NodeView) throws(FormatError) {
        let (type, exponentType) = (try elementType(node, 0), try elementType(node, 1))
        var base = try operand(node, 0)
        if type == .float32, let exponent = known(try node.input(1)), exponent.shape.elementCount == 1,
            exponent.type != .bool, exponent.shape.rank <= graph.shape(base).rank
        {
            let exponent =
                switch exponent.type {
                case .int64: Float(exponent.int64s[0])
                case .int32: Float(exponent.int32s[0])
                default: exponent.floats[0]
                }
            if exponent == 1 { return try alias(node) }
            if exponent == 2 { return try finish(.binary(.multiply), [base, base], node) }
            if exponent == 0.5 { return try finish(.unary(.sqrt), [base], node) }
        }
        var exponent = try operand(node, 1)
        guard type != exponentType else { return try finish(.binary(.power), [base, exponent], node) }
        if type != .float32 { base = try emit(.cast(.float32), [base], node) }
        if exponentType != .float32 { exponent = try emit(.cast(.float32), [exponent], node) }
        guard type != .float32 else { return try finish(.binary(.power), [base, exponent], node) }
        try finish(.cast(type), [try emit(.binary(.power), [base, exponent], node)], node)
    }

    private mutating func cast(to type: ElementType, _ node: NodeView) throws(FormatError) {
        if try elementType(node, 0) == type { return try alias(node) }
        try append(.cast(type), node, reading: 1)
    }

    /// Lowers `Dropout` for inference: the identity, with a mask of true.
    private mutating func dropout(_ node: NodeView) throws(FormatError) {
        try alias(node)
        guard let mask = node.output(1) else { return }
        let one = try emit(.constant(try node.tensor([Int64(1)], [])), [], node)
        let through = try emit(.cast(.bool), [one], node)
        define(mask, .computed(try emit(.broadcast(try shape(node, 0)), [through], node)))
    }
}
