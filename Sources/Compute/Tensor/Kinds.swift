/// A binary arithmetic operation. Integers wrap around, and integer division by zero gives zero.
package enum BinaryKind: String, Hashable, Sendable, CaseIterable {
    case add, subtract, multiply
    /// The quotient; for integers truncated towards zero.
    case divide
    case power, minimum, maximum
    /// The remainder with the sign of the divisor (Python's `%`).
    case modulo
    /// The remainder with the sign of the dividend (C's `fmod`).
    case remainder
}

/// A comparison of two numbers.
package enum CompareKind: String, Hashable, Sendable, CaseIterable {
    case equal, less, lessOrEqual, greater, greaterOrEqual
}

/// A logical operation on two Booleans.
package enum LogicalKind: String, Hashable, Sendable, CaseIterable {
    case and, or, xor
}

/// A test of one element, with a Boolean result.
package enum PredicateKind: Hashable, Sendable {
    /// True for a float that is NaN.
    case isNaN
    /// True for an infinite float of one of the selected signs.
    case isInfinite(positive: Bool, negative: Bool)
    /// The negation of a bool.
    case not
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
    /// The absolute value; like ``negate`` and ``sign``, also of integers.
    case absolute
    /// The sign: -1, 0 or 1.
    case sign
    case floor, ceiling
    /// The nearest integer; ties round to even.
    case round
    case sin, cos
    /// `log(1 + exp x)`
    case softplus
    /// `x / (1 + |x|)`
    case softsign
    /// `min(1, max(0, alpha * x + beta))`
    case hardSigmoid(alpha: Float, beta: Float)
    /// `x * min(1, max(0, x / 6 + 1 / 2))`
    case hardSwish
    case clip(minimum: Float, maximum: Float)
    /// `x` where positive, else `alpha * (exp x - 1)`
    case elu(alpha: Float)
    /// `x * tanh(log(1 + exp x))`
    case mish
    /// `x * sigmoid(alpha * x)`: SiLU for 1, QuickGELU for 1.702.
    case swish(alpha: Float)
}

/// A reduction of many numbers to one. An empty sum is 0, an empty product 1, an empty maximum the least value of the
/// type.
package enum ReduceKind: String, Hashable, Sendable, CaseIterable {
    case sum, mean, maximum, minimum, product
    case sumSquare
    /// The sum of absolute values, and the root of the sum of squares.
    case l1, l2
    /// `log(sum(x))`, and `log(sum(exp x))`.
    case logSum, logSumExp
}

/// The extreme to search for.
package enum ExtremeKind: String, Hashable, Sendable, CaseIterable {
    case maximum, minimum
}

/// A normalisation over the trailing axes.
package enum NormKind: String, Hashable, Sendable, CaseIterable {
    /// `(x - mean) / sqrt(variance + epsilon)`
    case layer
    /// `x / sqrt(mean of squares + epsilon)`
    case rootMeanSquare
}

/// The source of the elements that a padding adds.
package enum PadKind: String, Hashable, Sendable, CaseIterable {
    case constant
    /// The nearest element.
    case edge
    /// The elements mirrored at the first and the last one, which are not repeated.
    case reflect
    /// The elements from the other end.
    case wrap
}

/// The way in which a scatter combines an element with an update.
package enum ScatterKind: String, Hashable, Sendable, CaseIterable {
    /// The update replaces the element; the last of several applies.
    case replace
    case add, multiply, minimum, maximum
}
