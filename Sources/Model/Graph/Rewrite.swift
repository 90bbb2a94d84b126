package import Compute

/// The replacement of some ops of a graph. The same rewrite changes the graph and, through the origins, the document.
package struct Rewrite: Sendable {
    /// An expression of new ops over values of the graph.
    package indirect enum Replacement: Sendable {
        case value(ValueID)
        /// A layer on the last axis; if the replaced output has two axes, `[N, in, 1, ...]` first becomes `[N, in]`.
        case linear(Replacement, NewLayer)
        /// A layer on the second axis: a convolution of single pixels.
        case pointwise(Replacement, NewLayer)
        /// One slope for the whole operand.
        case prelu(Replacement, slope: Tensor)
        /// The rows of a table `[entries, features]` at integer indices: an embedding.
        case rows(of: NewTable, at: Replacement)
        case sum(Replacement, Replacement)

        package static func linear(input: ValueID, weight: Tensor, bias: Tensor?) -> Replacement {
            .linear(.value(input), NewLayer(weight: weight, bias: bias))
        }

        package static func pointwise(input: ValueID, weight: Tensor, bias: Tensor?) -> Replacement {
            .pointwise(.value(input), NewLayer(weight: weight, bias: bias))
        }

        package static func prelu(input: ValueID, slope: Tensor) -> Replacement { .prelu(.value(input), slope: slope) }
    }

    /// A linear layer that the graph does not have yet.
    package struct NewLayer: Sendable {
        /// `[out, in]`
        package let weight: Tensor
        /// `[out]`
        package let bias: Tensor?
        /// The module of the layer inside the replaced one; empty if it takes its place.
        package let module: String

        package init(weight: Tensor, bias: Tensor?, module: String = "") {
            (self.weight, self.bias, self.module) = (weight, bias, module)
        }
    }

    /// An embedding table that the graph does not have yet.
    package struct NewTable: Sendable {
        /// `[entries, features]`
        package let rows: Tensor

        package init(rows: Tensor) { self.rows = rows }
    }

    /// The ops to remove, `output` among them, in evaluation order. Parameters that are then unused are removed as
    /// well.
    package let removed: [ValueID]
    /// The value that the replacement computes.
    package let output: ValueID
    package let replacement: Replacement
    /// The module path of the replacement.
    package let scope: String
    /// True if the output gets another size, which the ops that read it take over.
    package let isResizing: Bool

    package init(
        removed: [ValueID], output: ValueID, replacement: Replacement, scope: String, isResizing: Bool = false
    ) {
        (self.removed, self.output, self.replacement, self.scope) = (removed, output, replacement, scope)
        self.isResizing = isResizing
    }
}

extension Rewrite.Replacement {
    /// The values that it reads.
    var inputs: [ValueID] {
        switch self {
        case .value(let value): [value]
        case .linear(let operand, _), .pointwise(let operand, _), .prelu(let operand, _), .rows(_, let operand):
            operand.inputs
        case .sum(let left, let right): left.inputs + right.inputs
        }
    }
}

extension Graph {
    /// The graph after the rewrite: same inputs, same outputs, same shapes. Nodes and parameters are renumbered.
    ///
    /// - Throws: ``ModelError/rewrite(value:reason:)`` if another node reads a removed value, if the shape would
    ///   change, or if a document node would be removed only in part.
    package func replacing(_ rewrite: Rewrite) throws(ModelError) -> Graph { try replacing([rewrite]) }

    /// The graph after several rewrites, of which none removes an op that another one removes.
    ///
    /// - Throws: ``ModelError/rewrite(value:reason:)`` as for one of them.
    package func replacing(_ rewrites: [Rewrite]) throws(ModelError) -> Graph {
        let removed = Set(rewrites.flatMap(\.removed))
        var replaced: [ValueID: (rewrite: Rewrite, origin: Origin)] = [:]
        var owners: [Int: ValueID] = [:]
        for rewrite in rewrites {
            let sources = Set(rewrite.removed.flatMap { self[$0].origin.nodes })
            for source in sources { owners[source] = rewrite.output }
            replaced[rewrite.output] = (
                rewrite, Origin(nodes: sources.sorted(), isReplacement: true, isResized: rewrite.isResizing)
            )
            let own = Set(rewrite.removed)
            precondition(rewrite.replacement.inputs.allSatisfy { !own.contains($0) && $0 < rewrite.output })
        }
        for (index, node) in nodes.enumerated() where !removed.contains(ValueID(index: index)) {
            for operand in node.operands where removed.contains(operand) && replaced[operand] == nil {
                throw .rewrite(value: self[operand].name, reason: "'\(node.name)' reads it too")
            }
            if let owner = node.origin.nodes.lazy.compactMap({ owners[$0] }).first {
                throw .rewrite(value: self[owner].name, reason: "its node in the file does more than goes")
            }
        }
        for output in outputs where removed.contains(output.value) && replaced[output.value] == nil {
            throw .rewrite(value: output.name, reason: "it is an output of the model")
        }
        var transformer = GraphTransformer(self)
        for value in values {
            if let (rewrite, origin) = replaced[value] {
                guard let inputs = transformer.all(rewrite.replacement.inputs) else { continue }
                let moved = Dictionary(zip(rewrite.replacement.inputs, inputs)) { first, _ in first }
                let place = Place(old: self[value], scope: rewrite.scope, origin: origin, moved: moved)
                let result = try transformer.result.append(rewrite.replacement, at: place, isLast: true)
                guard rewrite.isResizing || transformer.result.type(result) == type(value) else {
                    throw .rewrite(
                        value: self[value].name,
                        reason: "its shape would change to \(transformer.result.shape(result))")
                }
                transformer.replace(value, by: result)
            } else if !removed.contains(value), let operands = transformer.all(self[value].operands) {
                // Operands are missing if a replacement takes the place of all that reads them.
                if operands.map(transformer.result.type) == self[value].operands.map(type) {
                    transformer.keep(value)
                } else {
                    try transformer.keep(value, as: self[value].op, reading: operands)
                }
            }
        }
        for output in outputs {
            guard let value = transformer[output.value] else {
                throw .rewrite(value: output.name, reason: "the model's output would be gone")
            }
            guard transformer.result.type(value) == type(output.value) else {
                throw .rewrite(
                    value: output.name, reason: "its shape would change to \(transformer.result.shape(value))")
            }
        }
        transformer.keepOutputs()
        return transformer.result.pruned()
    }

    /// The place of a replacement in the graph.
    fileprivate struct Place {
        /// The node that it replaces.
        let old: Node
        let scope: String
        let origin: Origin
        /// The values of the new graph for those that the replacement reads.
        let moved: [ValueID: ValueID]
    }

    /// Appends an expression.
    ///
    /// - Parameters:
    ///   - replacement: the expression.
    ///   - place: the place of the whole replacement.
    ///   - isLast: true for the op that computes the replaced value.
    /// - Returns: its value.
    /// - Throws: ``ModelError/shape(value:_:)`` for a layer of other sizes than its operand.
    private mutating func append(
        _ replacement: Rewrite.Replacement, at place: Place, isLast: Bool
    ) throws(ModelError) -> ValueID {
        let (op, operands): (Op, [ValueID])
        switch replacement {
        case .value(let value):
            guard let moved = place.moved[value] else { preconditionFailure("the values that it reads are kept") }
            return moved
        case .linear(let operand, let layer):
            let input = try append(operand, at: place, isLast: false)
            let rows = try flattened(input, forRank: place.old.type.shape.rank)
            let scope = place.scope(of: layer)
            (op, operands) = (
                .matMul(transposeLeft: false, transposeRight: true), [rows] + addLayer(scope, layer.weight, layer.bias)
            )
        case .pointwise(let operand, let layer):
            let input = try append(operand, at: place, isLast: false)
            let kernel = layer.weight.reshaped(layer.weight.shape.withPixels(rank: shape(input).rank))
            op = .convolution(Window(pointwise: kernel.shape.rank - 2), groups: 1)
            operands = [input] + addLayer(place.scope(of: layer), kernel, layer.bias)
        case .prelu(let operand, let slope):
            let parameter = Parameter(name: place.scope + ".slope", tensor: slope, isTrainable: true, isNew: true)
            (op, operands) = (.prelu, [try append(operand, at: place, isLast: false), addParameter(parameter)])
        case .rows(let table, let indices):
            let parameter = Parameter(
                name: place.scope + ".table", tensor: table.rows, isTrainable: true, isNew: true)
            let indices = try append(indices, at: place, isLast: false)
            (op, operands) = (.gather(axis: 0), [addParameter(parameter), indices])
        case .sum(let left, let right):
            let left = try append(left, at: place, isLast: false)
            (op, operands) = (.binary(.add), [left, try append(right, at: place, isLast: false)])
        }
        // An inner value has no name in the document; the edit of the document gives it one.
        return try append(
            op, operands, name: isLast ? place.old.name : "", scope: place.scope, origin: place.origin)
    }

    /// Adds the parameters of a new layer, unless an earlier one has the same.
    private mutating func addLayer(_ scope: String, _ weight: Tensor, _ bias: Tensor?) -> [ValueID] {
        [("weight", weight), ("bias", bias)].compactMap { (suffix, tensor) -> ValueID? in
            guard let tensor else { return nil }
            let known = parameters.firstIndex {
                $0.isNew && $0.tensor.storage === tensor.storage && $0.tensor.shape == tensor.shape
            }
            return known.flatMap(parameterValue)
                ?? addParameter(Parameter(name: scope + "." + suffix, tensor: tensor, isTrainable: true, isNew: true))
        }
    }

    /// Reshapes `[N, C, 1, ...]` to `[N, C]` if `rank` is 2.
    private mutating func flattened(_ value: ValueID, forRank rank: Int) throws(ModelError) -> ValueID {
        let full = shape(value)
        guard rank == 2, full.rank > 2, full.dimensions.dropFirst(2).allSatisfy({ $0 == 1 }) else { return value }
        return try append(.reshape(full.unfoldedToMatrix), [value])
    }
}

extension Graph.Place {
    func scope(of layer: Rewrite.NewLayer) -> String {
        layer.module.isEmpty ? scope : scope + "." + layer.module
    }
}
