/// A sequence of element-wise operations. Intermediate results never leave the cache.
package struct ElementChain: Hashable, Sendable {
    /// An input of an operation. Operands are broadcast by NumPy's rule.
    package enum Source: Hashable, Sendable {
        case operand(Int)
        /// The result of an earlier operation.
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

    /// The operations in execution order. The result of the last is that of the chain.
    package let operations: [Operation]

    /// The maximum number of operands: as many as a ``StridedLoop`` walks beside a result.
    package static let operandLimit = 7
    /// The maximum number of operations, so that their intermediate results fit into the first-level cache.
    package static let operationLimit = 8

    package init(_ operations: [Operation]) {
        precondition((1...Self.operationLimit).contains(operations.count), "a chain has operations, and few of them")
        self.operations = operations
    }
}

extension UnaryKind {
    /// True when the function can be an operation of an ``ElementChain``; functions that oneDNN computes cannot.
    package var isLink: Bool { eltwise(0) == nil }
}

extension BinaryKind {
    /// True when it can be an operation of an ``ElementChain``.
    package var isLink: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .minimum, .maximum: true
        // Its own kernel avoids a call per element for common exponents.
        case .power: false
        case .modulo, .remainder: false
        }
    }
}
