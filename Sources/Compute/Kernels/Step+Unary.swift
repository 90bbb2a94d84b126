import COneDNN
import Glibc

extension Step {
    /// A function of each element; `result` may be the same view as `x`. Of integers only what ``UnaryKind`` says.
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
        let loop = try UnaryLoop(x, result)
        func step(_ body: @escaping (UnaryLoop) -> Void) -> Step {
            Step(kind.name, keeping: [x, result]) { loop.inParts(body) }
        }
        return switch kind {
        case .relu: step { loop in loop.run { $0 < 0 ? 0 : $0 } }
        case .leakyRelu(let slope): step { loop in loop.run { $0 < 0 ? slope * $0 : $0 } }
        case .erf: step { loop in loop.run(erff) }
        case .reciprocal: step { loop in loop.run { 1 / $0 } }
        case .negate: step { loop in loop.run { -$0 } }
        case .absolute: step { loop in loop.run { abs($0) } }
        case .sign: step { loop in loop.run { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 } }
        case .floor: step { loop in loop.run { $0.rounded(.down) } }
        case .ceiling: step { loop in loop.run { $0.rounded(.up) } }
        case .round: step { loop in loop.run { $0.rounded(.toNearestOrEven) } }
        case .sin: step { loop in loop.run(sinf) }
        case .cos: step { loop in loop.run(cosf) }
        case .softsign: step { loop in loop.run { $0 / (1 + abs($0)) } }
        case .hardSigmoid(let alpha, let beta): step { loop in loop.run { smaller(larger(alpha * $0 + beta, 0), 1) } }
        case .hardSwish: step { loop in loop.run { $0 * smaller(larger($0 + 3, 0), 6) * (1 / 6) } }
        case .clip(let minimum, let maximum): step { loop in loop.run { smaller(larger($0, minimum), maximum) } }
        case .sigmoid, .tanh, .gelu, .geluTanh, .exp, .log, .sqrt, .softplus, .elu, .mish, .swish:
            preconditionFailure("oneDNN computes \(kind)")
        }
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
        let loop = try UnaryLoop(x, dy, dx)
        func step(_ body: @escaping (UnaryLoop) -> Void) -> Step {
            Step("\(kind.name) backward", keeping: [x, dy, dx]) { loop.inParts(body) }
        }
        return switch kind {
        case .relu: step { loop in loop.run { $0 > 0 ? $1 : 0 } }
        case .leakyRelu(let slope): step { loop in loop.run { $0 > 0 ? $1 : slope * $1 } }
        case .erf:
            step { loop in
                let scale = 2 / Float.pi.squareRoot()
                loop.run { $1 * scale * expf(-$0 * $0) }
            }
        case .reciprocal: step { loop in loop.run { -$1 / ($0 * $0) } }
        case .negate: step { loop in loop.run { -$1 } }
        case .absolute: step { loop in loop.run { $0 > 0 ? $1 : $0 < 0 ? -$1 : 0 } }
        case .sign, .floor, .ceiling, .round: step { loop in loop.run { _, _ in 0 } }
        case .sin: step { loop in loop.run { $1 * cosf($0) } }
        case .cos: step { loop in loop.run { -$1 * sinf($0) } }
        case .softsign:
            step { loop in
                loop.run { x, dy in
                    let root = 1 + abs(x)
                    return dy / (root * root)
                }
            }
        case .hardSigmoid(let alpha, let beta):
            step { loop in
                loop.run { x, dy in
                    let y = alpha * x + beta
                    return y > 0 && y < 1 ? alpha * dy : 0
                }
            }
        case .hardSwish: step { loop in loop.run { $0 <= -3 ? 0 : $0 >= 3 ? $1 : $1 * ($0 * (1 / 3) + 0.5) } }
        case .clip(let minimum, let maximum): step { loop in loop.run { $0 > minimum && $0 < maximum ? $1 : 0 } }
        case .sigmoid, .tanh, .gelu, .geluTanh, .exp, .log, .sqrt, .softplus, .elu, .mish, .swish:
            preconditionFailure("oneDNN computes \(kind)")
        }
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

/// A loop over one or two tensors and a result, all of one count.
@safe private struct UnaryLoop {
    private var first: UnsafeMutablePointer<Float>
    private var second: UnsafeMutablePointer<Float>
    private var result: UnsafeMutablePointer<Float>
    private var count: Int

    init(_ first: Tensor, _ result: Tensor) throws(ComputeError) { try self.init(first, first, result) }

    init(_ first: Tensor, _ second: Tensor, _ result: Tensor) throws(ComputeError) {
        unsafe self.first = try first.source()
        unsafe self.second = try second.source()
        unsafe self.result = result.target()
        count = result.shape.elementCount
    }

    /// Calls the body with the loop over each thread's share: once a share, so that what it calls an element is part of it.
    func inParts(_ body: (UnaryLoop) -> Void) {
        inParallel(count, grain: manyElements) { elements, _ in
            var part = self
            // SAFETY: the share lies inside the tensors.
            unsafe part.first += elements.lowerBound
            unsafe part.second += elements.lowerBound
            unsafe part.result += elements.lowerBound
            part.count = elements.count
            body(part)
        }
    }

    // SAFETY of both: the callers checked that the tensors hold `count` elements each.
    @inline(__always)
    func run(_ function: (Float) -> Float) {
        for index in 0..<count { unsafe result[index] = function(first[index]) }
    }

    @inline(__always)
    func run(_ function: (Float, Float) -> Float) {
        for index in 0..<count { unsafe result[index] = function(first[index], second[index]) }
    }
}

/// From here on two threads of oneDNN beat one loop, which starts at once.
let manyElements = 65_536

extension UnaryKind {
    /// Without the numbers that some have.
    fileprivate var name: String { String("\(self)".prefix { $0 != "(" }) }

    /// What oneDNN calls it; nil where a loop of our own does it, for want of a name or because it starts at once.
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
    /// A function of `count` elements.
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

    /// Its derivative.
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
