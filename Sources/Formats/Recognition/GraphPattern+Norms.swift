import Compute
import Model

extension GraphPattern {
    /// Matches `(x - mean) / sqrt(variance + epsilon)`, or `x / sqrt(mean of squares + epsilon)`.
    func norm(_ value: ValueID) -> Recognition? {
        if let (left, right) = operands(value, of: .divide) { return norm(left, over: right, ending: value) }
        guard let (left, right) = operands(value, of: .multiply) else { return nil }
        for (numerator, inverse) in [(left, right), (right, left)] {
            if let root = operand(inverse, of: .reciprocal),
                let found = norm(numerator, over: root, ending: value)
            {
                return Recognition(op: found.op, operands: found.operands, covered: found.covered.union([inverse]))
            }
            if let (one, root) = operands(inverse, of: .divide), scalar(one) == 1,
                let found = norm(numerator, over: root, ending: value)
            {
                return Recognition(op: found.op, operands: found.operands, covered: found.covered.union([inverse]))
            }
        }
        return nil
    }

    private func norm(_ numerator: ValueID, over root: ValueID, ending value: ValueID) -> Recognition? {
        guard let inside = operand(root, of: .sqrt), let (epsilon, variance) = sum(inside),
            let (squares, axes) = mean(variance), let (left, right) = operands(squares, of: .multiply), left == right,
            isSame(left, numerator)
        else { return nil }
        var covered: Set = [value, root, inside, variance, squares]
        guard let (x, mean) = operands(numerator, of: .subtract), let (averaged, meanAxes) = self.mean(mean),
            averaged == x, meanAxes == axes
        else {
            guard left == numerator else { return nil }
            let op = Op.norm(.rootMeanSquare, axes: axes, epsilon: epsilon)
            return Recognition(op: op, operands: [numerator], covered: covered)
        }
        covered.formUnion([numerator, left, mean])
        if let other = operands(left, of: .subtract)?.1 { covered.insert(other) }
        return Recognition(op: .norm(.layer, axes: axes, epsilon: epsilon), operands: [x], covered: covered)
    }

    /// True when two values are one, or the same difference computed twice, as some exporters do.
    private func isSame(_ left: ValueID, _ right: ValueID) -> Bool {
        if left == right { return true }
        guard let one = operands(left, of: .subtract), let other = operands(right, of: .subtract) else { return false }
        return one == other
    }

    /// The value that is averaged over its last axes, and the number of these axes.
    private func mean(_ value: ValueID) -> (of: ValueID, axes: Int)? {
        guard case .reduce(.mean, let axes, true) = graph[value].op else { return nil }
        let x = graph[value].operands[0]
        let rank = graph.shape(x).rank
        guard !axes.isEmpty, axes == Array((rank - axes.count)..<rank) else { return nil }
        return (x, axes.count)
    }

    /// Matches a norm times a weight of the normalised sizes.
    func scaledNorm(_ value: ValueID) -> Recognition? {
        guard let (left, right) = operands(value, of: .multiply) else { return nil }
        for (inner, scale) in [(left, right), (right, left)] {
            guard let found = plainNorm(inner), fits(scale, found) else { continue }
            return Recognition(
                op: found.op, operands: found.operands + [scale], covered: found.covered.union([value]))
        }
        return nil
    }

    /// Matches a scaled norm plus a bias of the normalised sizes.
    func shiftedNorm(_ value: ValueID) -> Recognition? {
        guard let (left, right) = operands(value, of: .add) else { return nil }
        for (inner, bias) in [(left, right), (right, left)] {
            guard let found = scaledNorm(inner), fits(bias, found) else { continue }
            return Recognition(op: found.op, operands: found.operands + [bias], covered: found.covered.union([value]))
        }
        return nil
    }

    private func plainNorm(_ value: ValueID) -> Recognition? {
        if case .norm = graph[value].op, graph[value].operands.count == 1 {
            return Recognition(op: graph[value].op, operands: graph[value].operands, covered: [value])
        }
        return norm(value)
    }

    private func fits(_ factor: ValueID, _ norm: Recognition) -> Bool {
        guard case .norm(_, let axes, _) = norm.op, graph.parameterIndex(factor) != nil else { return false }
        return graph.shape(factor).dimensions == graph.shape(norm.operands[0]).dimensions.suffix(axes)
    }
}
