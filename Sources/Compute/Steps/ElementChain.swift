/// Operations on each element, one after another. What is between them never leaves the cache.
package struct ElementChain: Hashable, Sendable {
    /// Where an operation finds its numbers; operands are stretched by numpy's rule.
    package enum Source: Hashable, Sendable {
        case operand(Int)
        /// Of an earlier operation.
        case result(Int)
    }

    package enum Operation: Hashable, Sendable {
        case unary(UnaryKind, Source)
        case unaryGradient(UnaryKind, x: Source, dy: Source)
        case binary(BinaryKind, Source, Source)

        var name: String {
            switch self {
            case .unary(let kind, _): kind.name
            case .unaryGradient(let kind, _, _): "\(kind.name) backward"
            case .binary(let kind, _, _): kind.rawValue
            }
        }
    }

    /// In the order in which they are done. The result of the last is that of the chain.
    package let operations: [Operation]

    /// As many operands as a ``StridedLoop`` walks beside a result.
    package static let operandLimit = 7
    /// So that what is between them fits into the nearest cache.
    package static let operationLimit = 8

    package init(_ operations: [Operation]) {
        precondition((1...Self.operationLimit).contains(operations.count), "a chain has operations, and few of them")
        self.operations = operations
    }
}

extension UnaryKind {
    /// Whether it can be an operation of an ``ElementChain``: what oneDNN has stays oneDNN's.
    package var isLink: Bool { eltwise(0) == nil }
}

extension BinaryKind {
    /// Whether it can be an operation of an ``ElementChain``.
    package var isLink: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .minimum, .maximum: true
        // Its own kernel knows which exponents need no call an element.
        case .power: false
        case .modulo, .remainder: false
        }
    }
}
