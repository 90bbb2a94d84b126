import ByteText
import Compute
import Model

extension ONNXLowering {
    /// The operators that ``lowerNode(_:calling:)`` supports, prefixed with their domain unless it is the default one.
    static let supported: Set<String> = Set(unaries.keys).union(binaries.keys).union(comparisons.keys)
        .union(logicals.keys).union(reductions.keys).union(variadics.keys)
        .union([
            "ArgMax", "ArgMin", "Attention", "AveragePool", "BatchNormalization", "Cast", "CastLike", "Celu", "Clip",
            "Concat", "Constant", "ConstantOfShape", "Conv", "CumSum", "Dropout", "Elu", "Expand", "Flatten", "Gather",
            "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization",
            "HardSigmoid", "Identity", "If", "InstanceNormalization", "IsInf", "IsNaN", "LayerNormalization",
            "LeakyRelu", "LogSoftmax", "Loop", "MatMul", "MaxPool", "Mod", "Not", "PRelu", "Pad", "Pow",
            "RMSNormalization", "Range", "Reshape", "Resize", "RotaryEmbedding", "ScatterElements", "ScatterND",
            "Selu", "Shape", "SimplifiedLayerNormalization", "Size", "Slice", "Softmax", "Split", "Squeeze", "Swish",
            "Tile", "Transpose", "Trilu", "Unsqueeze", "Where", "com.microsoft.BiasGelu", "com.microsoft.FastGelu",
            "com.microsoft.FusedMatMul", "com.microsoft.Gelu", "com.microsoft.QuickGelu",
            "com.microsoft.SimplifiedLayerNormalization", "com.microsoft.SkipLayerNormalization",
            "com.microsoft.SkipSimplifiedLayerNormalization",
        ])

    /// The remedies for known operators that cannot be run.
    static let refusals: [String: String] = {
        let random = " is random: export after model.eval()"
        return [
            "RandomNormal": random, "RandomNormalLike": random, "RandomUniform": random, "RandomUniformLike": random,
            "Bernoulli": random, "Multinomial": random,
            "com.microsoft.nchwc.Conv": " is made for one machine: export without the optimizer's last level",
        ]
    }()

    /// Lowers a node of a ``supported`` operator without subgraphs.
    ///
    /// - Throws: ``FormatError`` for operands, attributes or sizes that do not fit.
    mutating func lower(_ node: NodeView) throws(FormatError) {
        let type = node.opType
        if let kind = Self.unaries[type] { return try append(.unary(kind), node, reading: 1) }
        if let kind = Self.binaries[type] { return try append(.binary(kind), node, reading: 2) }
        if let kind = Self.comparisons[type] { return try append(.compare(kind), node, reading: 2) }
        if let kind = Self.logicals[type] { return try append(.logical(kind), node, reading: 2) }
        if let kind = Self.variadics[type] { return try variadic(kind, node) }
        if let kind = Self.reductions[type] { return try reduce(kind, node) }
        switch type {
        case "Identity": try alias(node)
        case "Constant": values[try node.output()] = .known(try node.constant(), name: try node.output())
        case "Dropout": try dropout(node)
        case "Cast": try cast(to: try node.elementType("to"), node)
        case "CastLike":
            guard let target = self.type(try node.input(1)) else { throw absent(try node.input(1)) }
            try cast(to: target.element, node)
        case "Where": try append(.select, node, reading: 3)
        case "PRelu": try append(.prelu, node, reading: 2)
        case "Not": try append(.predicate(.not), node, reading: 1)
        case "IsNaN": try append(.predicate(.isNaN), node, reading: 1)
        case "IsInf":
            let signs = PredicateKind.isInfinite(
                positive: node.flag("detect_positive", otherwise: true),
                negative: node.flag("detect_negative", otherwise: true))
            try append(.predicate(signs), node, reading: 1)
        case "LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid", "Gelu", "Swish", "Clip", "Pow", "Mod":
            try elementwise(node)
        case "Gemm": try gemm(node)
        case "MatMul": try matMul(node)
        case "Conv": try convolution(node)
        case "MaxPool":
            let window = try poolWindow(node)
            try append(.maxPool(window), node, reading: 1)
            if let name = node.furtherOutput(1) { values[name] = .computed(try largestPlaces(node, window)) }
        case "AveragePool":
            try append(
                .averagePool(try poolWindow(node), countsPadding: node.flag("count_include_pad")), node, reading: 1)
        case "GlobalAveragePool", "GlobalMaxPool": try globalPool(node)
        case "BatchNormalization", "LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization",
            "InstanceNormalization", "GroupNormalization":
            try normalize(node)
        case "Softmax": try append(.softmax(axis: try axis(node.int("axis") ?? -1, node)), node, reading: 1)
        case "LogSoftmax": try append(.logSoftmax(axis: try axis(node.int("axis") ?? -1, node)), node, reading: 1)
        case "ArgMax", "ArgMin", "CumSum": try alongAxis(node)
        case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
            try reshape(to: try reshaped(node), node)
        case "Transpose", "Concat", "Slice", "Split", "Expand", "Pad", "Tile", "Trilu": try rearrange(node)
        case "Shape", "Size", "ConstantOfShape", "Range": try makeKnown(node)
        case "Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND": try index(node)
        case "Resize": try resize(node)
        case "Attention": try attention(node)
        case "RotaryEmbedding": try rotaryEmbedding(node)
        default:
            guard type.startsWithBytes(of: "com.microsoft.") else { throw node.unsupported() }
            try contributed(node)
        }
    }

    enum Limits {
        /// The maximum number of axes: that of oneDNN.
        static let rank = 12
        /// The maximum number of elements: beyond any machine's memory, and small enough that sums of byte sizes do not
        /// overflow.
        static let elements = 1 << 38
    }

    // MARK: Appending

    /// Appends one op on the first `count` operands of the node, and on those of the next `optional` that are present.
    mutating func append(
        _ op: Op, _ node: NodeView, reading count: Int, optional: Int = 0
    ) throws(FormatError) {
        var operands: [ValueID] = []
        for position in 0..<count { operands.append(try operand(try node.input(position))) }
        for position in count..<(count + optional) where node.hasInput(position) {
            operands.append(try operand(try node.input(position)))
        }
        try finish(op, operands, node)
    }

    /// Appends the op that computes the node's result.
    mutating func finish(_ op: Op, _ operands: [ValueID], _ node: NodeView) throws(FormatError) {
        let name = try node.output()
        values[name] = .computed(try emit(op, operands, node, name: name))
    }

    mutating func emit(
        _ op: Op, _ operands: [ValueID], _ node: NodeView, name: String = ""
    ) throws(FormatError) -> ValueID {
        let value: ValueID
        do throws(ModelError) {
            value = try graph.append(op, operands, name: name, scope: node.scope, origin: Origin(nodes: [node.index]))
        } catch {
            switch error {
            case .shape(_, let reason): throw unfit(node, "\(reason)")
            case .elementType(_, let expected, let found):
                throw .unsupportedType("node \(node.description) works on \(found): only \(expected) can be run here")
            default: throw unfit(node, "\(error)")
            }
        }
        let type = graph.type(value)
        guard type.shape.rank <= Limits.rank else { throw unfit(node, "its result has \(type.shape.rank) axes") }
        guard type.shape.elementCount <= Limits.elements else {
            throw .tooLarge("node \(node.description): its result of shape \(type.shape) is too large")
        }
        return value
    }

    /// The value of an operand of the node.
    mutating func operand(_ node: NodeView, _ position: Int) throws(FormatError) -> ValueID {
        try operand(try node.input(position))
    }

    /// Makes the result the same value as the first operand.
    mutating func alias(_ node: NodeView) throws(FormatError) {
        guard let value = values[try node.input(0)] else { throw absent(try node.input(0)) }
        values[try node.output()] = value
    }

    mutating func factor(_ value: Float, _ node: NodeView) throws(FormatError) -> ValueID {
        try emit(.constant(try node.tensor(value)), [], node)
    }

    func reshape(_ sizes: [Int], _ node: NodeView) throws(FormatError) -> Op {
        .reshape(try shaped(node) { () throws(ShapeError) in try Shape(sizes) })
    }

    /// The value reshaped to other sizes, or itself if it has them.
    mutating func reshaped(_ value: ValueID, _ sizes: [Int], _ node: NodeView) throws(FormatError) -> ValueID {
        graph.shape(value).dimensions == sizes ? value : try emit(try reshape(sizes, node), [value], node)
    }
}
