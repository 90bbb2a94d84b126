import Compute

// B samples, H heads, S query positions, T key positions, D the size of a head.
extension Graph {
    /// Fuses each `softmax(scale * Q K' + mask) V` into one op, which reads the heads in place in the projections and
    /// stores nothing of the size S * T.
    ///
    /// A pattern is not fused if one of its inner values, above all the attention weights, is read elsewhere.
    ///
    /// - Parameters:
    ///   - trained: the parameters that training changes: a mask that depends on one needs its own gradient.
    ///   - fetched: values that are read after a run.
    /// - Throws: ``ModelError/shape(value:_:)`` never, as the op has the type of what it replaces.
    mutating func fuseAttention(trained: Set<Int>, fetched: [ValueID]) throws(ModelError) {
        let dependsOnTrained = dependents { parameterIndex($0).map(trained.contains) ?? false }
        let pattern = AttentionPattern(
            graph: self, readers: UseLists(of: self, seen: fetched), dependsOnTrained: dependsOnTrained)
        for value in values {
            guard case .softmax = self[value].op, let found = pattern.attention(around: value) else { continue }
            try recompute(found.result, by: .attention(found.attention, shape(found.result)), found.operands)
        }
    }
}

/// A matcher of the attention around a softmax.
private struct AttentionPattern {
    let graph: Graph
    let readers: UseLists
    let dependsOnTrained: [Bool]

    struct Found {
        let attention: Attention
        let operands: [ValueID]
        /// The value that the attention computes.
        let result: ValueID
    }

    /// A value as a view of another one, times a factor.
    private struct Source {
        var value: ValueID
        var view: StridedView
        var factor: Float = 1
    }

    func attention(around shares: ValueID) -> Found? {
        let rank = graph.shape(shares).rank
        guard rank == 3 || rank == 4, case .softmax(let axis) = graph[shares].op, axis == rank - 1 || axis == -1,
            let (used, zeroesEmptyRows) = used(shares), let mixed = readers.only(of: used),
            case .matMul(false, let transposesValue) = graph[mixed].op,
            graph[mixed].operands.count == 2, graph[mixed].operands[0] == used, graph[mixed].operands[1] != used,
            let scores = scores(graph[shares].operands[0]),
            case .matMul(let transposesQuery, let transposesKey) = graph[scores.product].op,
            graph[scores.product].operands.count == 2
        else { return nil }
        let products = graph[scores.product].operands
        let leading = graph.shape(shares).dimensions.dropLast(2)
        let matrices = [products[0], products[1], graph[mixed].operands[1]]
        guard matrices.allSatisfy({ graph.shape($0).dimensions.dropLast(2) == leading }) else { return nil }

        let query = heads(source(matrices[0]), isTransposed: transposesQuery)
        // The right matrix of the product is [D, T] unless it is transposed.
        let key = heads(source(matrices[1]), isTransposed: !transposesKey)
        let value = heads(source(matrices[2]), isTransposed: transposesValue)
        let (result, resultView) = self.result(of: mixed)
        guard
            let attention = Attention(
                scale: scores.factor * query.factor * key.factor, query: query.view, key: key.view, value: value.view,
                mask: scores.mask.map { fourAxes($0.view) }, result: fourAxes(resultView),
                zeroesEmptyRows: zeroesEmptyRows)
        else { return nil }
        guard value.factor == 1 else { return nil }
        let operands = [query.value, key.value, value.value]
        guard graph.attentionParts(attention, of: operands) != nil else { return nil }
        let all = operands + (scores.mask.map { [$0.value] } ?? [])
        guard all.allSatisfy({ $0 < result }) else { return nil }
        return Found(attention: attention, operands: all, result: result)
    }

    /// The attention weights as they are used: as `isNaN(shares) ? 0 : shares`, if that is their only use.
    private func used(_ shares: ValueID) -> (ValueID, zeroesEmptyRows: Bool)? {
        let readers = readers.all(of: shares)
        guard readers.count == 2 else { return (shares, false) }
        for (test, choice) in [(readers[0], readers[1]), (readers[1], readers[0])] {
            guard case .predicate(.isNaN) = graph[test].op, case .select = graph[choice].op,
                graph[choice].operands[0] == test, scalar(graph[choice].operands[1]) == 0,
                graph[choice].operands[2] == shares, self.readers.only(of: test) == choice
            else { continue }
            return (choice, true)
        }
        return nil
    }

    /// The view `[B, H, rows, columns]` of a value that is read as a matrix for each head.
    private func heads(_ source: Source, isTransposed: Bool) -> Source {
        var source = source
        if isTransposed {
            var axes = Array(source.view.sizes.indices)
            axes.swapAt(axes.count - 1, axes.count - 2)
            source.view = source.view.transposed(axes)
        }
        source.view = fourAxes(source.view)
        return source
    }

    private func fourAxes(_ view: StridedView) -> StridedView { view.sizes.count == 4 ? view : view.inserting(1) }

    /// The product that computes the scores, its factor, and the mask added to it.
    private func scores(_ value: ValueID) -> (product: ValueID, factor: Float, mask: Source?)? {
        guard readers.only(of: value) != nil else { return nil }
        let operands = graph[value].operands
        switch graph[value].op {
        case .matMul:
            return (value, 1, nil)
        case .binary(.multiply), .binary(.divide):
            guard let (other, factor) = scaled(value), let inner = scores(other), inner.mask == nil else { return nil }
            return (inner.product, inner.factor * factor, nil)
        case .binary(.add):
            for (other, mask) in [(operands[0], operands[1]), (operands[1], operands[0])] {
                guard graph.shape(other) == graph.shape(value), !dependsOnTrained[mask.index],
                    let inner = scores(other), inner.mask == nil
                else { continue }
                let view = StridedView(graph.shape(mask)).stretched(to: graph.shape(value).dimensions)
                return (inner.product, inner.factor, Source(value: mask, view: view))
            }
            return nil
        default:
            return nil
        }
    }

    /// The operand and the factor of a value that is an operand of the same shape times a number.
    private func scaled(_ value: ValueID) -> (ValueID, Float)? {
        let operands = graph[value].operands
        switch graph[value].op {
        case .binary(.multiply):
            for (other, factor) in [(operands[0], operands[1]), (operands[1], operands[0])] {
                guard let number = scalar(factor), graph.shape(other) == graph.shape(value) else { continue }
                return (other, number)
            }
        case .binary(.divide):
            guard let number = scalar(operands[1]), number != 0, graph.shape(operands[0]) == graph.shape(value) else {
                return nil
            }
            return (operands[0], 1 / number)
        default: break
        }
        return nil
    }

    /// The value that a value is a view of, and the view.
    private func source(_ value: ValueID) -> Source {
        let whole = Source(value: value, view: StridedView(graph.shape(value)))
        let node = graph[value]
        switch node.op {
        case .transpose(let permutation):
            var inner = source(node.operands[0])
            inner.view = inner.view.transposed(permutation)
            return inner
        case .slice(let axis, let start, let count, let step):
            var inner = source(node.operands[0])
            inner.view = inner.view.sliced(axis: axis, start: start, count: count, step: step)
            return inner
        case .reshape(let shape):
            var inner = source(node.operands[0])
            guard let view = inner.view.reshaped(shape.dimensions) else { return whole }
            inner.view = view
            return inner
        case .binary(.multiply), .binary(.divide):
            guard let (other, factor) = scaled(value) else { return whole }
            var inner = source(other)
            inner.factor *= factor
            return inner
        default:
            return whole
        }
    }

    /// The value that contains the heads' results, and the view of them: the transposed value, if a transposition is
    /// their only consumer.
    private func result(of mixed: ValueID) -> (ValueID, StridedView) {
        let own = (mixed, StridedView(graph.shape(mixed)))
        guard let next = readers.only(of: mixed), case .transpose(let permutation) = graph[next].op else { return own }
        var inverse = permutation
        for (axis, source) in permutation.enumerated() { inverse[source] = axis }
        return (next, StridedView(graph.shape(next)).transposed(inverse))
    }

    /// The number in a float32 tensor of one element, of any shape, that training does not change.
    private func scalar(_ value: ValueID) -> Float? {
        let tensor: Tensor
        switch graph[value].op {
        case .constant(let constant): tensor = constant
        case .parameter(let index) where !dependsOnTrained[value.index]: tensor = graph.parameters[index].tensor
        default: return nil
        }
        return tensor.type == .float32 && tensor.shape.elementCount == 1 ? tensor.floats[0] : nil
    }
}
