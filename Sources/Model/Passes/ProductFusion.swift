import Compute

extension Graph {
    /// Fuses the ops that follow matrix products, convolutions and norm gradients into them: bias, activation, and the
    /// sum with a residual branch.
    ///
    /// - Parameter seen: values that are read after a run, or that update a parameter.
    /// - Throws: ``ModelError/shape(value:_:)`` never, as each op has the type of what it replaces.
    mutating func fuseProducts(seen: [ValueID]) throws(ModelError) {
        let readers = UseLists(of: self, seen: seen)
        for value in values where readers.isNeeded(value) {
            let operands = self[value].operands
            switch self[value].op {
            case .unary(let kind) where kind.isEpilogue && readers.only(of: operands[0]) == value:
                try fuse(kind, of: operands[0], into: value)
            case .binary(.add):
                for (inner, other) in [(operands[1], operands[0]), (operands[0], operands[1])] {
                    guard readers.only(of: inner) == value, inner != other, shape(inner) == shape(value) else {
                        continue
                    }
                    if try fuseSum(of: inner, and: other, into: value) { break }
                }
            default: continue
            }
        }
    }

    private mutating func fuse(
        _ kind: UnaryKind, of inner: ValueID, into value: ValueID
    ) throws(ModelError) {
        // Winograd's algorithm supports no other function.
        if kind == .relu, case .convolution(let window, let groups) = self[inner].op {
            let op = Op.fusedConvolution(window, groups: groups, activation: kind)
            return try recompute(value, by: op, self[inner].operands)
        }
        guard let epilogue = epilogue(of: inner), epilogue.activation == nil, !epilogue.isSummed else { return }
        try fuse(inner, into: value) { $0.activation = kind }
    }

    /// Fuses a sum into the op of one of its operands.
    ///
    /// - Returns: whether that op supports it.
    private mutating func fuseSum(
        of inner: ValueID, and other: ValueID, into value: ValueID
    ) throws(ModelError) -> Bool {
        if case .normGradient(let kind, let axes, let epsilon, false) = self[inner].op, shape(other) == shape(value) {
            let op = Op.normGradient(kind, axes: axes, epsilon: epsilon, isSummed: true)
            try recompute(value, by: op, self[inner].operands + [other])
            return true
        }
        guard let epilogue = epilogue(of: inner), !epilogue.isSummed else { return false }
        if !epilogue.hasBias, epilogue.activation == nil, shape(other).dimensions == [shape(value).dimensions.last] {
            try fuse(inner, into: value, with: other) { $0.hasBias = true }
            return true
        }
        guard shape(other) == shape(value) else { return false }
        try fuse(inner, into: value, with: other) { $0.isSummed = true }
        return true
    }

    /// The epilogue of a product; nil for another op.
    private func epilogue(of value: ValueID) -> Epilogue? {
        switch self[value].op {
        case .matMul: Epilogue(hasBias: self[value].operands.count > 2)
        case .fusedMatMul(_, _, let epilogue): epilogue
        default: nil
        }
    }

    private mutating func fuse(
        _ inner: ValueID, into value: ValueID, with other: ValueID? = nil, _ change: (inout Epilogue) -> Void
    ) throws(ModelError) {
        guard let (transposeLeft, transposeRight) = self[inner].op.productTransposes,
            var epilogue = epilogue(of: inner)
        else { return }
        change(&epilogue)
        let op = Op.fusedMatMul(transposeLeft: transposeLeft, transposeRight: transposeRight, epilogue)
        try recompute(value, by: op, self[inner].operands + (other.map { [$0] } ?? []))
    }
}

extension Op {
    fileprivate var productTransposes: (Bool, Bool)? {
        switch self {
        case .matMul(let left, let right), .fusedMatMul(let left, let right, _): (left, right)
        default: nil
        }
    }
}
