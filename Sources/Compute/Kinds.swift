/// An operation on two numbers.
package enum BinaryKind: String, Hashable, Sendable, CaseIterable {
    case add, subtract, multiply, divide
}

/// A function of one number.
package enum UnaryKind: Hashable, Sendable {
    case relu
    /// `max(x, 0) + slope * min(x, 0)`
    case leakyRelu(slope: Float)
    case sigmoid, tanh
    /// `x / 2 * (1 + erf(x / sqrt 2))`
    case gelu
    /// The approximation of ``gelu`` by a hyperbolic tangent.
    case geluTanh
    case erf, exp, log, sqrt, negate, reciprocal
}

/// How many numbers become one.
package enum ReduceKind: String, Hashable, Sendable, CaseIterable {
    case sum, mean
}
