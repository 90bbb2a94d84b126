/// The operations fused into a matrix product before its result is written: `activation(product + bias) + other`.
package struct Epilogue: Hashable, Sendable {
    package var hasBias: Bool
    package var activation: UnaryKind?
    /// True when another value of the shape of the result is added.
    package var isSummed: Bool

    package init(hasBias: Bool, activation: UnaryKind? = nil, isSummed: Bool = false) {
        (self.hasBias, self.activation, self.isSummed) = (hasBias, activation, isSummed)
    }
}
