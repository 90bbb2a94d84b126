/// An operation on two numbers. Integers wrap around, and what they give for a divisor of zero is zero.
package enum BinaryKind: String, Hashable, Sendable, CaseIterable {
    case add, subtract, multiply
    /// Integers are cut off towards zero.
    case divide
    case power, minimum, maximum
    /// The rest of a division, with the sign of the divisor (Python's `%`).
    case modulo
    /// The rest of a division, with the sign of the dividend (C's `fmod`).
    case remainder
}

/// A question about two numbers.
package enum CompareKind: String, Hashable, Sendable, CaseIterable {
    case equal, less, lessOrEqual, greater, greaterOrEqual
}

/// An operation on two truths.
package enum LogicalKind: String, Hashable, Sendable, CaseIterable {
    case and, or, xor
}

/// A question about one element.
package enum PredicateKind: Hashable, Sendable {
    /// Of a float.
    case isNaN
    /// Of a float, as one of the signs that are asked for.
    case isInfinite(positive: Bool, negative: Bool)
    /// Of a bool: whether it is false.
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
    /// Of integers too, as ``negate`` and ``sign``.
    case absolute
    /// -1, 0 or 1.
    case sign
    case floor, ceiling
    /// To the nearest whole number, halves to the even one.
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

/// How many numbers become one. Of nothing, a sum is 0, a product 1, a maximum the least number there is.
package enum ReduceKind: String, Hashable, Sendable, CaseIterable {
    case sum, mean, maximum, minimum, product
    case sumSquare
    /// The sum of absolute values, and the root of the sum of squares.
    case l1, l2
    /// `log(sum(x))`, and `log(sum(exp x))`.
    case logSum, logSumExp
}

/// Which of many numbers is looked for.
package enum ExtremeKind: String, Hashable, Sendable, CaseIterable {
    case maximum, minimum
}

/// How elements are brought to one scale over the trailing axes.
package enum NormKind: String, Hashable, Sendable, CaseIterable {
    /// `(x - mean) / sqrt(variance + epsilon)`
    case layer
    /// `x / sqrt(mean of squares + epsilon)`
    case rootMeanSquare
}

/// What stands around a tensor that is padded.
package enum PadKind: String, Hashable, Sendable, CaseIterable {
    case constant
    /// The nearest element.
    case edge
    /// The elements mirrored at the first and the last, which are not repeated.
    case reflect
    /// The elements from the other end.
    case wrap
}

/// What becomes of an element when an update meets it.
package enum ScatterKind: String, Hashable, Sendable, CaseIterable {
    /// The update takes its place; of several the last.
    case replace
    case add, multiply, minimum, maximum
}
