import Compute
import Model

extension GraphPattern {
    /// Matches `x` times a function of `x`: GELU, SiLU and similar ones.
    func gated(_ value: ValueID) -> Recognition? {
        let product = product(value)
        guard product.factors.count == 2 else { return nil }
        for (x, gate) in [(product.factors[0], product.factors[1]), (product.factors[1], product.factors[0])] {
            guard let (kind, covered) = activation(x, times: gate, product.coefficient) else { continue }
            return Recognition(op: .unary(kind), operands: [x], covered: product.covered.union(covered))
        }
        return nil
    }

    private func activation(
        _ x: ValueID, times gate: ValueID, _ coefficient: Float
    ) -> (UnaryKind, covered: Set<ValueID>)? {
        if isNear(coefficient, 0.5) { return gelu(x, gate) }
        if let six = hardSwish(x, gate, coefficient) { return (.hardSwish, six) }
        guard coefficient == 1 else { return nil }
        if let inner = operand(gate, of: .sigmoid) {
            let argument = inner == x ? Product(factors: [x]) : product(inner)
            guard argument.factors == [x] else { return nil }
            return (.swish(alpha: argument.coefficient), argument.covered.union([gate]))
        }
        if let inner = operand(gate, of: .tanh), operand(inner, of: .softplus) == x { return (.mish, [gate, inner]) }
        return nil
    }

    /// Matches `x / 2 * (1 + erf(x / sqrt 2))`, or its tanh approximation.
    private func gelu(_ x: ValueID, _ gate: ValueID) -> (UnaryKind, covered: Set<ValueID>)? {
        guard let (one, curve) = sum(gate), one == 1 else { return nil }
        if let inner = operand(curve, of: .erf) {
            let argument = product(inner)
            guard argument.factors == [x], isNear(argument.coefficient, Float(0.5).squareRoot()) else { return nil }
            return (.gelu, argument.covered.union([gate, curve]))
        }
        guard let inner = operand(curve, of: .tanh) else { return nil }
        let argument = product(inner)
        guard isNear(argument.coefficient, 0.797_884_56) else { return nil }
        var covered = argument.covered.union([gate, curve])
        if argument.factors.count == 1, let (left, right) = operands(argument.factors[0], of: .add) {
            // x + 0.044715 x^3
            let cubic = product(left == x ? right : left)
            guard left == x || right == x, cubic.factors == [x, x, x], isNear(cubic.coefficient, 0.044_715) else {
                return nil
            }
            covered.formUnion(cubic.covered.union([argument.factors[0]]))
            return (.geluTanh, covered)
        }
        // x (1 + 0.044715 x^2)
        guard argument.factors.count == 2, let place = argument.factors.firstIndex(of: x),
            let (one, rest) = sum(argument.factors[1 - place]), one == 1
        else { return nil }
        let square = product(rest)
        guard square.factors == [x, x], isNear(square.coefficient, 0.044_715) else { return nil }
        return (.geluTanh, covered.union(square.covered).union([argument.factors[1 - place]]))
    }

    /// Matches `x * clip(x / 6 + 1 / 2, 0, 1)`, as one op or with the division by six outside.
    private func hardSwish(_ x: ValueID, _ gate: ValueID, _ coefficient: Float) -> Set<ValueID>? {
        switch graph[gate].op {
        case .unary(.hardSigmoid(let alpha, let beta)):
            guard coefficient == 1, isNear(alpha, 1 / 6), beta == 0.5, graph[gate].operands[0] == x else { return nil }
            return [gate]
        case .unary(.clip(0, 6)):
            guard isNear(coefficient, 1 / 6), let (three, inner) = sum(graph[gate].operands[0]), three == 3, inner == x
            else { return nil }
            return [gate, graph[gate].operands[0]]
        default: return nil
        }
    }

    /// Matches a maximum, a minimum or both with one number each: ReLU, or a clip.
    func clamped(_ value: ValueID) -> Recognition? {
        guard let (kind, bound, inner) = bounded(value) else { return nil }
        guard let (other, further, x) = bounded(inner), other != kind, consumers[inner.index].count == 1 else {
            let clip: UnaryKind =
                kind == .minimum
                ? .clip(minimum: -.infinity, maximum: bound)
                : bound == 0 ? .relu : .clip(minimum: bound, maximum: .infinity)
            return Recognition(op: .unary(clip), operands: [inner], covered: [value])
        }
        // The outer bound applies where they cross.
        let clip: UnaryKind =
            kind == .minimum
            ? .clip(minimum: min(further, bound), maximum: bound)
            : .clip(minimum: bound, maximum: max(further, bound))
        return Recognition(op: .unary(clip), operands: [x], covered: [value, inner])
    }

    /// The bound of a maximum or a minimum, and its other operand.
    private func bounded(_ value: ValueID) -> (kind: BinaryKind, bound: Float, of: ValueID)? {
        guard case .binary(let kind) = graph[value].op, kind == .maximum || kind == .minimum else { return nil }
        let (left, right) = (graph[value].operands[0], graph[value].operands[1])
        if let bound = scalar(right), graph.type(left) == graph.type(value) { return (kind, bound, left) }
        if let bound = scalar(left), graph.type(right) == graph.type(value) { return (kind, bound, right) }
        return nil
    }
}
