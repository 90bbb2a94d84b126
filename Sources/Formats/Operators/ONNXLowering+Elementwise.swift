import Compute
import Model

extension ONNXLowering {
    /// Unary operators without attributes.
    static let unaries: [String: UnaryKind] = [
        "Relu": .relu, "Sigmoid": .sigmoid, "Tanh": .tanh, "Erf": .erf, "Exp": .exp, "Log": .log, "Sqrt": .sqrt,
        "Neg": .negate, "Reciprocal": .reciprocal, "Abs": .absolute, "Sign": .sign, "Floor": .floor,
        "Ceil": .ceiling, "Round": .round, "Sin": .sin, "Cos": .cos, "Softplus": .softplus, "Softsign": .softsign,
        "HardSwish": .hardSwish, "Mish": .mish,
    ]

    static let binaries: [String: BinaryKind] = ["Add": .add, "Sub": .subtract, "Mul": .multiply, "Div": .divide]

    static let comparisons: [String: CompareKind] = [
        "Equal": .equal, "Less": .less, "LessOrEqual": .lessOrEqual, "Greater": .greater,
        "GreaterOrEqual": .greaterOrEqual,
    ]

    static let logicals: [String: LogicalKind] = ["And": .and, "Or": .or, "Xor": .xor]

    /// Variadic operators.
    static let variadics: [String: BinaryKind] = ["Max": .maximum, "Min": .minimum, "Sum": .add, "Mean": .add]

    mutating func variadic(_ kind: BinaryKind, _ node: NodeView) throws(FormatError) {
        var value = try operand(node, 0)
        let isMean = node.opType == "Mean" && node.inputs.count > 1
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

    /// Lowers elementwise operators with attributes or further operands.
    mutating func elementwise(_ node: NodeView) throws(FormatError) {
        switch node.opType {
        case "LeakyRelu": try append(.unary(.leakyRelu(slope: node.float("alpha") ?? 0.01)), node, reading: 1)
        case "Elu": try append(.unary(.elu(alpha: node.float("alpha") ?? 1)), node, reading: 1)
        case "Selu":
            let elu = UnaryKind.elu(alpha: node.float("alpha") ?? 1.673_263_2)
            let value = try emit(.unary(elu), [try operand(node, 0)], node)
            try finish(.binary(.multiply), [value, try factor(node.float("gamma") ?? 1.050_701, node)], node)
        case "Celu":
            let alpha = node.float("alpha") ?? 1
            guard alpha != 1 else { return try append(.unary(.elu(alpha: 1)), node, reading: 1) }
            guard alpha != 0 else { throw unfit(node, "its alpha is zero") }
            // alpha * (exp(x / alpha) - 1) below zero, x above.
            let scaled = try emit(.binary(.divide), [try operand(node, 0), try factor(alpha, node)], node)
            let value = try emit(.unary(.elu(alpha: 1)), [scaled], node)
            try finish(.binary(.multiply), [value, try factor(alpha, node)], node)
        case "HardSigmoid":
            let kind = UnaryKind.hardSigmoid(alpha: node.float("alpha") ?? 0.2, beta: node.float("beta") ?? 0.5)
            try append(.unary(kind), node, reading: 1)
        case "Gelu":
            try append(.unary(node.string("approximate") == "tanh" ? .geluTanh : .gelu), node, reading: 1)
        case "Swish": try append(.unary(.swish(alpha: node.float("alpha") ?? 1)), node, reading: 1)
        case "Clip": try clip(node)
        case "Mod": try append(.binary(node.flag("fmod") ? .remainder : .modulo), node, reading: 2)
        default: try power(node)
        }
    }

    private mutating func clip(_ node: NodeView) throws(FormatError) {
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

    mutating func cast(to type: ElementType, _ node: NodeView) throws(FormatError) {
        if try elementType(node, 0) == type { return try alias(node) }
        try append(.cast(type), node, reading: 1)
    }

    /// Lowers `Dropout` for inference: the identity, with a mask of true.
    mutating func dropout(_ node: NodeView) throws(FormatError) {
        try alias(node)
        guard let mask = node.furtherOutput(1) else { return }
        let one = try emit(.constant(try node.tensor([Int64(1)], [])), [], node)
        let through = try emit(.cast(.bool), [one], node)
        values[mask] = .computed(try emit(.broadcast(try shape(node, 0)), [through], node))
    }
}
