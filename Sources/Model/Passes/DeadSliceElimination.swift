import Compute

extension Graph {
    /// The graph without the computation of slices that are never read.
    ///
    /// A classifier reads one position of a sequence: the last block then computes only that position, from the same
    /// numbers in the same order.
    ///
    /// - Parameter fetched: values that are read after a run; they are kept whole.
    /// - Returns: the graph, with the same parameters and inputs, and the new value of each old one; nil when no
    ///   product becomes smaller.
    /// - Throws: ``ModelError/shape(value:_:)`` never for a graph that was built by ``append(_:_:name:scope:origin:)``.
    func narrowed(to fetched: [ValueID]) throws(ModelError) -> (graph: Graph, moved: [ValueID?])? {
        var demands = [Demand](repeating: .nothing, count: nodes.count)
        for value in fetched + inputs { demands[value.index] = .all }
        for value in values where parameterIndex(value) != nil { demands[value.index] = .all }
        var isWorthIt = false
        for value in values.reversed() where demands[value.index] != .nothing {
            let wanted = operandDemands(of: value, demands[value.index])
            if wanted == nil { demands[value.index] = .all }
            if case .matMul = self[value].op, case .part = demands[value.index] { isWorthIt = true }
            let operands = self[value].operands
            for (operand, demand) in zip(operands, wanted ?? operands.map { _ in .all }) {
                demands[operand.index] = demands[operand.index].joined(with: demand)
            }
        }
        guard isWorthIt else { return nil }
        return try rewritten(demands)
    }

    private func rewritten(_ demands: [Demand]) throws(ModelError) -> (graph: Graph, moved: [ValueID?]) {
        var transformer = GraphTransformer(self, keepsIndices: true)
        var parts: [ValueID: [Part: ValueID]] = [:]
        for value in values where demands[value.index] != .nothing {
            let node = self[value]
            let demand = demands[value.index]
            let wanted = operandDemands(of: value, demand) ?? node.operands.map { _ in .all }
            var operands: [ValueID] = []
            for (operand, want) in zip(node.operands, wanted) {
                guard let whole = transformer[operand] else {
                    preconditionFailure("what is read is computed before")
                }
                guard case .part(let part) = want, demands[operand.index] == .all else {
                    operands.append(whole)
                    continue
                }
                guard let slice = parts[operand]?[part] else {
                    let op = Op.slice(axis: part.axis, start: part.start, count: part.count)
                    operands.append(try transformer.result.append(op, [whole]))
                    parts[operand, default: [:]][part] = operands.last
                    continue
                }
                operands.append(slice)
            }
            switch node.op {
            case .input: transformer.keep(value)
            case .slice where wanted != [.all]: transformer.replace(value, by: operands[0])
            case .reshape(let shape):
                try transformer.keep(value, as: .reshape(try demand.sizes(of: shape)), reading: operands)
            default: try transformer.keep(value, as: node.op, reading: operands)
            }
        }
        for output in outputs where demands[output.value.index] == .all {
            if let value = transformer[output.value] { transformer.result.addOutput(output.name, value) }
        }
        return (transformer.result, values.map { transformer[$0] })
    }

    /// The demand on each operand, given the demand on a value; nil where it cannot be computed in part.
    private func operandDemands(of value: ValueID, _ demand: Demand) -> [Demand]? {
        let node = self[value]
        guard case .part(let part) = demand else { return whole(node) }
        let rank = node.type.shape.rank
        switch node.op {
        case .unary, .cast, .predicate:
            return [demand]
        case .binary, .compare, .logical, .select:
            return node.operands.map { aligned(part, rank, shape($0)) }
        case .softmax(let axis), .logSoftmax(let axis):
            return part.axis == (axis < 0 ? axis + rank : axis) ? nil : [demand]
        case .norm(_, let axes, _):
            guard part.axis < rank - axes else { return nil }
            return [demand] + node.operands.dropFirst().map { _ in .all }
        case .transpose(let permutation):
            return [.part(part.on(permutation[part.axis]))]
        case .reshape(let target):
            let from = shape(node.operands[0]).dimensions
            guard part.axis < from.count, from[...part.axis] == target.dimensions[...part.axis] else { return nil }
            return [demand]
        case .matMul(let transposeLeft, _):
            let (left, right) = (shape(node.operands[0]), shape(node.operands[1]))
            let rest = node.operands.dropFirst(2).map { _ in Demand.all }
            if part.axis == rank - 2 {
                return [.part(part.on(transposeLeft ? left.rank - 1 : left.rank - 2)), .all] + rest
            }
            guard part.axis < rank - 2 else { return nil }
            return [aligned(part, rank, left), aligned(part, rank, right)] + rest
        default:
            return nil
        }
    }

    /// The demand on each operand of a node that is read as a whole.
    private func whole(_ node: Node) -> [Demand] {
        if case .slice(let axis, let start, let count, 1) = node.op, count < shape(node.operands[0])[axis] {
            return [.part(Part(axis: axis, start: start, count: count))]
        }
        return node.operands.map { _ in .all }
    }

    /// The part of an operand that is broadcast to `rank`.
    private func aligned(_ part: Part, _ rank: Int, _ operand: Shape) -> Demand {
        let axis = part.axis - (rank - operand.rank)
        guard axis >= 0, operand[axis] != 1 else { return .all }
        return .part(part.on(axis))
    }
}

/// A range of indices along one axis.
private struct Part: Hashable {
    var axis: Int
    let start: Int
    let count: Int

    func on(_ axis: Int) -> Part { Part(axis: axis, start: start, count: count) }
}

/// The part of a value that is read.
private enum Demand: Equatable {
    case nothing, all
    case part(Part)

    func joined(with other: Demand) -> Demand {
        if self == .nothing || self == other { return other }
        return other == .nothing ? self : .all
    }

    /// The sizes of the part that is read.
    func sizes(of shape: Shape) throws(ModelError) -> Shape {
        guard case .part(let part) = self else { return shape }
        do throws(ShapeError) {
            return try shape.replacing(part.axis, with: [part.count])
        } catch {
            throw .shape(value: "", error)
        }
    }
}
