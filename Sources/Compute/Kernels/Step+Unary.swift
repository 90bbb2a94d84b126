import COneDNN
import Glibc

extension Step {
    /// A function of each element; `result` may be the same view as `x`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func unary(_ kind: UnaryKind, _ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        try x.shape.require(result.shape, for: "unary")
        let count = x.shape.elementCount
        let (a, y) = try unsafe (x.source(), result.target())
        guard count > 0 else { return Step("unary", keeping: []) {} }
        // SAFETY of the loops below: both tensors hold `count` elements.
        switch kind.kernel(count) {
        case .relu:
            return Step("unary", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = a[index] < 0 ? 0 : a[index] }
            }
        case .leakyRelu(let slope):
            return Step("unary", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = a[index] < 0 ? slope * a[index] : a[index] }
            }
        case .oneDNN(let algorithm, let alpha):
            let primitive = try Primitive(.eltwise(algorithm, alpha: alpha, count: count))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, a)
            try unsafe primitive.bind(DNNL_ARG_DST_0, y)
            return Step("unary", keeping: [x, result], primitive.run)
        case .erf:
            return Step("erf", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = erff(a[index]) }
            }
        case .reciprocal:
            return Step("reciprocal", keeping: [x, result]) {
                for index in 0..<count { unsafe y[index] = 1 / a[index] }
            }
        }
    }

    /// `dx = dy * f'(x)`; `dx` may be the same view as `x` or `dy`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func unaryBackward(
        _ kind: UnaryKind, x: Tensor, dy: Tensor, into dx: Tensor
    ) throws(ComputeError) -> Step {
        try dy.shape.require(x.shape, for: "unary backward")
        try dx.shape.require(x.shape, for: "unary backward")
        let count = x.shape.elementCount
        let (a, dy_, dx_) = try unsafe (x.source(), dy.source(), dx.target())
        guard count > 0 else { return Step("unary backward", keeping: []) {} }
        // SAFETY of the loops below: the three tensors hold `count` elements.
        switch kind.kernel(count) {
        case .relu:
            return Step("unary backward", keeping: [x, dy, dx]) {
                for index in 0..<count { unsafe dx_[index] = a[index] > 0 ? dy_[index] : 0 }
            }
        case .leakyRelu(let slope):
            return Step("unary backward", keeping: [x, dy, dx]) {
                for index in 0..<count { unsafe dx_[index] = a[index] > 0 ? dy_[index] : slope * dy_[index] }
            }
        case .oneDNN(let algorithm, let alpha):
            let primitive = try Primitive(.eltwiseBackward(algorithm, alpha: alpha, count: count))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, a)
            try unsafe primitive.bind(DNNL_ARG_DIFF_DST_0, dy_)
            try unsafe primitive.bind(DNNL_ARG_DIFF_SRC_0, dx_)
            return Step("unary backward", keeping: [x, dy, dx], primitive.run)
        case .erf:
            let scale = 2 / Float.pi.squareRoot()
            return Step("erf backward", keeping: [x, dy, dx]) {
                for index in 0..<count { unsafe dx_[index] = dy_[index] * scale * expf(-a[index] * a[index]) }
            }
        case .reciprocal:
            return Step("reciprocal backward", keeping: [x, dy, dx]) {
                for index in 0..<count { unsafe dx_[index] = -dy_[index] / (a[index] * a[index]) }
            }
        }
    }
}

/// Who computes a function.
private enum UnaryKernel {
    case oneDNN(dnnl_alg_kind_t, alpha: Float)
    /// In a loop of our own, as the rest.
    case relu
    case leakyRelu(slope: Float)
    case erf, reciprocal
}

/// From here on two threads of oneDNN beat one loop, which starts at once.
let manyElements = 65_536

extension UnaryKind {
    fileprivate func kernel(_ count: Int) -> UnaryKernel {
        switch self {
        case .relu where count < manyElements: .relu
        case .leakyRelu(let slope) where count < manyElements: .leakyRelu(slope: slope)
        case .relu: .oneDNN(dnnl_eltwise_relu, alpha: 0)
        case .leakyRelu(let slope): .oneDNN(dnnl_eltwise_relu, alpha: slope)
        case .sigmoid: .oneDNN(dnnl_eltwise_logistic, alpha: 0)
        case .tanh: .oneDNN(dnnl_eltwise_tanh, alpha: 0)
        case .gelu: .oneDNN(dnnl_eltwise_gelu_erf, alpha: 0)
        case .geluTanh: .oneDNN(dnnl_eltwise_gelu_tanh, alpha: 0)
        case .exp: .oneDNN(dnnl_eltwise_exp, alpha: 0)
        case .log: .oneDNN(dnnl_eltwise_log, alpha: 0)
        case .sqrt: .oneDNN(dnnl_eltwise_sqrt, alpha: 0)
        case .negate: .oneDNN(dnnl_eltwise_linear, alpha: -1)
        case .erf: .erf
        case .reciprocal: .reciprocal
        }
    }
}

extension PrimitiveDescription {
    /// A function of `count` elements.
    static func eltwise(
        _ algorithm: dnnl_alg_kind_t, alpha: Float = 0, count: Int
    ) throws(ComputeError) -> PrimitiveDescription {
        var layout = try Layout.plain([count])
        var operation = dnnl_eltwise_desc_t()
        try oneDNN("dnnl_eltwise_forward_desc_init") {
            unsafe dnnl_eltwise_forward_desc_init(
                &operation, dnnl_forward_training, algorithm, &layout, alpha, 0)
        }
        return try unsafe PrimitiveDescription(&operation)
    }

    /// Its derivative.
    fileprivate static func eltwiseBackward(
        _ algorithm: dnnl_alg_kind_t, alpha: Float, count: Int
    ) throws(ComputeError) -> PrimitiveDescription {
        var layout = try Layout.plain([count])
        var operation = dnnl_eltwise_desc_t()
        try oneDNN("dnnl_eltwise_backward_desc_init") {
            unsafe dnnl_eltwise_backward_desc_init(&operation, algorithm, &layout, &layout, alpha, 0)
        }
        return try unsafe PrimitiveDescription(&operation, forward: .eltwise(algorithm, alpha: alpha, count: count))
    }
}
