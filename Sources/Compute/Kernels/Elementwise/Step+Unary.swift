import COneDNN

extension Step {
    /// Applies a function to each element; `result` may be the same view as `x`. Integers support only the kinds that
    /// ``UnaryKind`` names.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        try x.shape.require(result.shape, for: kind.name)
        let count = x.shape.elementCount
        guard count > 0 else { return Step(kind.name, keeping: []) {} }
        switch x.type {
        case .int64: return try integerUnary(kind, x, of: Int64.self, into: result)
        case .int32: return try integerUnary(kind, x, of: Int32.self, into: result)
        case .float32, .bool: break
        }
        if let (algorithm, alpha, beta) = kind.eltwise(count) {
            let primitive = try Primitive(.eltwise(algorithm, alpha: alpha, beta: beta, count: count))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, x.source())
            try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
            return Step(kind.name, keeping: [x, result], primitive.run)
        }
        let loop = try ElementLoop(x, result)
        return Step(kind.name, keeping: [x, result]) { loop.inParts { $0.run(kind) } }
    }

    /// `dx = dy * f'(x)`; `dx` may be the same view as `x` or `dy`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func unaryBackward(
        _ kind: UnaryKind, x: Tensor, dy: Tensor, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try dy.shape.require(x.shape, for: "\(kind.name) backward")
        try dx.shape.require(x.shape, for: "\(kind.name) backward")
        let count = x.shape.elementCount
        guard count > 0 else { return Step("\(kind.name) backward", keeping: []) {} }
        if let (algorithm, alpha, beta) = kind.eltwise(count) {
            let primitive = try Primitive(.eltwiseBackward(algorithm, alpha: alpha, beta: beta, count: count))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, x.source())
            try unsafe primitive.bind(DNNL_ARG_DIFF_DST_0, dy.source())
            try unsafe primitive.bind(DNNL_ARG_DIFF_SRC_0, dx.target())
            return Step("\(kind.name) backward", keeping: [x, dy, dx], primitive.run)
        }
        let loop = try ElementLoop(x, dy, dx)
        return Step("\(kind.name) backward", keeping: [x, dy, dx]) { loop.inParts { $0.runBackward(kind) } }
    }

    private static func integerUnary<Element: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
        _ kind: UnaryKind, _ x: Tensor, of type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        let count = x.shape.elementCount
        // SAFETY of the loops: both tensors hold `count` elements.
        switch kind {
        case .negate:
            return Step("negate", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = 0 &- a[index] }
            }
        case .absolute:
            return Step("absolute", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = a[index] < 0 ? 0 &- a[index] : a[index] }
            }
        case .sign:
            return Step("sign", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = a[index].signum() }
            }
        default:
            throw .shape(.unsuitable(operation: "\(kind)", x.shape, reason: "is of integers"))
        }
    }
}

/// The number of elements from which two threads of oneDNN beat one loop, which starts at once.
let manyElements = 65_536

extension UnaryKind {
    /// The name of the case, without its numbers.
    var name: String { String("\(self)".prefix { $0 != "(" }) }

    /// The oneDNN algorithm; nil where a loop of our own computes the function, because oneDNN has none or because the
    /// loop starts at once.
    func eltwise(_ count: Int) -> (dnnl_alg_kind_t, alpha: Float, beta: Float)? {
        switch self {
        case .relu: count < manyElements ? nil : (dnnl_eltwise_relu, 0, 0)
        case .leakyRelu(let slope): count < manyElements ? nil : (dnnl_eltwise_relu, slope, 0)
        case .negate: count < manyElements ? nil : (dnnl_eltwise_linear, -1, 0)
        case .sigmoid: (dnnl_eltwise_logistic, 0, 0)
        case .tanh: (dnnl_eltwise_tanh, 0, 0)
        case .gelu: (dnnl_eltwise_gelu_erf, 0, 0)
        case .geluTanh: (dnnl_eltwise_gelu_tanh, 0, 0)
        case .exp: (dnnl_eltwise_exp, 0, 0)
        case .log: (dnnl_eltwise_log, 0, 0)
        case .sqrt: (dnnl_eltwise_sqrt, 0, 0)
        case .softplus: (dnnl_eltwise_soft_relu, 1, 0)
        case .elu(let alpha): (dnnl_eltwise_elu, alpha, 0)
        case .mish: (dnnl_eltwise_mish, 0, 0)
        case .swish(let alpha): (dnnl_eltwise_swish, alpha, 0)
        case .erf, .reciprocal, .absolute, .sign, .floor, .ceiling, .round, .sin, .cos, .softsign, .hardSigmoid,
            .hardSwish, .clip:
            nil
        }
    }
}

extension PrimitiveDescription {
    /// Describes a function of `count` elements.
    static func eltwise(
        _ algorithm: dnnl_alg_kind_t, alpha: Float = 0, beta: Float = 0, count: Int
    ) throws(ComputeError) -> PrimitiveDescription {
        var layout = try Layout.plain([count])
        var operation = dnnl_eltwise_desc_t()
        try oneDNN("dnnl_eltwise_forward_desc_init") {
            unsafe dnnl_eltwise_forward_desc_init(
                &operation, dnnl_forward_training, algorithm, &layout, alpha, beta)
        }
        return try unsafe PrimitiveDescription(&operation)
    }

    /// Describes the backward pass of a function of `count` elements.
    fileprivate static func eltwiseBackward(
        _ algorithm: dnnl_alg_kind_t, alpha: Float, beta: Float, count: Int
    ) throws(ComputeError) -> PrimitiveDescription {
        var layout = try Layout.plain([count])
        var operation = dnnl_eltwise_desc_t()
        try oneDNN("dnnl_eltwise_backward_desc_init") {
            unsafe dnnl_eltwise_backward_desc_init(&operation, algorithm, &layout, &layout, alpha, beta)
        }
        return try unsafe PrimitiveDescription(
            &operation, forward: .eltwise(algorithm, alpha: alpha, beta: beta, count: count))
    }
}
