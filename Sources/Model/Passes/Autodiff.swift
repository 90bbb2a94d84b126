import Compute

extension Graph {
    /// Appends the gradients of a scalar, by walking the nodes from the last to the first.
    ///
    /// - Parameters:
    ///   - loss: a scalar value of this graph.
    ///   - targets: the values to differentiate with respect to.
    /// - Returns: the gradient of each target, of the target's shape, or nil where the loss does not depend on it.
    /// - Throws: ``ModelError/noDerivative(value:reason:)`` for an op between loss and targets without a gradient;
    ///   ``ModelError/shape(value:_:)`` never for a graph that was built by ``append(_:_:name:scope:origin:)``.
    package mutating func gradients(
        of loss: ValueID, withRespectTo targets: [ValueID]
    ) throws(ModelError) -> [ValueID?] {
        precondition(shape(loss).rank == 0, "only a scalar has a gradient")
        let dependsOnTarget = dependents(on: Set(targets).contains)
        var adjoints = [ValueID?](repeating: nil, count: nodes.count)
        guard dependsOnTarget[loss.index] else { return targets.map { _ in nil } }
        adjoints[loss.index] = try appendConstant(1)
        // The gradients of the slices of each value, until they cover the whole value.
        var parts = [[ValueID]](repeating: [], count: nodes.count)
        for index in stride(from: loss.index, through: 0, by: -1) {
            let value = ValueID(index: index)
            for part in parts[index] { adjoints[index] = try sum(adjoints[index], part) }
            guard let adjoint = adjoints[index], dependsOnTarget[index], !self[value].operands.isEmpty else { continue }
            let isWanted = self[value].operands.map { dependsOnTarget[$0.index] }
            let derivatives = try appendDerivatives(of: value, adjoint: adjoint, isWanted: isWanted)
            for (operand, derivative) in zip(self[value].operands, derivatives) {
                guard let derivative else { continue }
                var whole: ValueID? = derivative
                if case .padSlice(_, _, 1, _) = self[derivative].op {
                    parts[operand.index].append(derivative)
                    whole = try joined(parts[operand.index])
                    if whole != nil { parts[operand.index] = [] }
                }
                if let whole { adjoints[operand.index] = try sum(adjoints[operand.index], whole) }
            }
        }
        return targets.map { adjoints[$0.index] }
    }

    private mutating func sum(_ one: ValueID?, _ other: ValueID) throws(ModelError) -> ValueID {
        guard let one else { return other }
        return try append(.binary(.add), [one, other])
    }

    /// The sum of parts with zeros around them, as a concatenation, if each index is in exactly one part.
    ///
    /// - Returns: nil where an index is in no part, or in two.
    private mutating func joined(_ parts: [ValueID]) throws(ModelError) -> ValueID? {
        var pieces: [(start: Int, value: ValueID)] = []
        var (axis, end) = (0, 0)
        for part in parts {
            guard case .padSlice(let own, let start, 1, _) = self[part].op, pieces.isEmpty || own == axis else {
                return nil
            }
            axis = own
            pieces.append((start, self[part].operands[0]))
        }
        pieces.sort { $0.start < $1.start }
        for piece in pieces {
            guard piece.start == end else { return nil }
            end += shape(piece.value)[axis]
        }
        guard let first = parts.first, end == shape(first)[axis] else { return nil }
        return try append(.concat(axis: axis), pieces.map(\.value))
    }

    /// The reason why a loss on a value has no gradient for any of some parameters.
    ///
    /// - Parameters:
    ///   - value: the value that the loss measures.
    ///   - parameters: indices in ``parameters``.
    /// - Returns: nil when there is no such reason.
    package func obstacle(from value: ValueID, to parameters: Set<Int>) -> String? {
        let targets = values.filter { parameterIndex($0).map(parameters.contains) ?? false }
        guard !targets.isEmpty else { return nil }
        let name = self[value].name
        guard type(value).element == .float32 else { return "'\(name)' has no derivative: it is of no floats" }
        var network = self
        do {
            let axes = Array(shape(value).dimensions.indices)
            let sum = axes.isEmpty ? value : try network.append(.reduce(.sum, axes: axes, keepsAxes: false), [value])
            let gradients = try network.gradients(of: sum, withRespectTo: targets)
            return gradients.contains { $0 != nil } ? nil : "no derivative leads from '\(name)' back to the layers"
        } catch {
            return "\(error)"
        }
    }

    /// Sums the axes along which `target` was broadcast to the shape of `value`.
    mutating func sum(_ value: ValueID, to target: Shape) throws(ModelError) -> ValueID {
        let from = shape(value)
        guard from != target else { return value }
        let missing = from.rank - target.rank
        let axes = (0..<from.rank).filter { $0 < missing || (target[$0 - missing] == 1 && from[$0] != 1) }
        let sum = axes.isEmpty ? value : try append(.reduce(.sum, axes: axes, keepsAxes: true), [value])
        return shape(sum) == target ? sum : try append(.reshape(target), [sum])
    }

    mutating func appendConstant(_ number: Float) throws(ModelError) -> ValueID {
        try append(.constant(try Tensor(scalar: number)), [])
    }
}

extension Tensor {
    init(scalar number: Float) throws(ModelError) {
        do { try self.init([number], .scalar) } catch { throw .compute(.memory(error)) }
    }
}
