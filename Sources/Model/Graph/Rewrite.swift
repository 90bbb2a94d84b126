package import Compute

/// The replacement of one block of a graph. The same rewrite changes the graph and, through the origins, the document.
package struct Rewrite: Sendable {
    package enum Replacement: Sendable {
        /// `weight [out, in]`, `bias [out]` on the last axis of `input`; if the output has two axes, `[N, in, 1, ...]`
        /// first becomes `[N, in]`.
        case linear(input: ValueID, weight: Tensor, bias: Tensor?)
        /// `weight [out, in]`, `bias [out]` on the second axis of `input`: a convolution of single pixels.
        case pointwise(input: ValueID, weight: Tensor, bias: Tensor?)
        /// One slope for the whole of `input`.
        case prelu(input: ValueID, slope: Tensor)
    }

    /// The ops to remove, `output` among them, in evaluation order. Parameters that are then unused are removed as
    /// well.
    package let removed: [ValueID]
    /// The value that the replacement computes.
    package let output: ValueID
    package let replacement: Replacement
    /// The module path of the replacement.
    package let scope: String

    /// The value that the replacement reads.
    var input: ValueID {
        switch replacement {
        case .linear(let input, _, _), .pointwise(let input, _, _), .prelu(let input, _): input
        }
    }

    package init(removed: [ValueID], output: ValueID, replacement: Replacement, scope: String) {
        (self.removed, self.output, self.replacement, self.scope) = (removed, output, replacement, scope)
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
            replaced[rewrite.output] = (rewrite, Origin(nodes: sources.sorted(), isReplacement: true))
            let own = Set(rewrite.removed)
            precondition(!own.contains(rewrite.input) && rewrite.input < rewrite.output)
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
            if let (rewrite, origin) = replaced[value], let input = transformer[rewrite.input] {
                let result = try transformer.result.append(
                    rewrite.replacement, of: rewrite.scope, reading: input, in: self[value], origin)
                transformer.replace(value, by: result)
            } else if transformer.all(self[value].operands) != nil {
                // Operands are missing if the value itself is one of those removed.
                transformer.keep(value)
            }
        }
        for output in outputs where transformer[output.value] == nil {
            throw .rewrite(value: output.name, reason: "the model's output would be gone")
        }
        transformer.keepOutputs()
        return transformer.result.pruned()
    }

    /// Appends a replacement of the node `old`.
    private mutating func append(
        _ replacement: Rewrite.Replacement, of scope: String, reading input: ValueID, in old: Node, _ origin: Origin
    ) throws(ModelError) -> ValueID {
        let (op, operands): (Op, [ValueID])
        switch replacement {
        case .linear(_, let weight, let bias):
            let rows = try flattened(input, forRank: old.type.shape.rank)
            (op, operands) = (
                .matMul(transposeLeft: false, transposeRight: true), [rows] + addLayer(scope, weight, bias)
            )
        case .pointwise(_, let weight, let bias):
            let kernel = weight.reshaped(weight.shape.withPixels(rank: shape(input).rank))
            op = .convolution(Window(pointwise: kernel.shape.rank - 2), groups: 1)
            operands = [input] + addLayer(scope, kernel, bias)
        case .prelu(_, let slope):
            let parameter = Parameter(name: scope + ".slope", tensor: slope, isTrainable: true, isNew: true)
            (op, operands) = (.prelu, [input, addParameter(parameter)])
        }
        let result = try append(op, operands, name: old.name, scope: scope, origin: origin)
        guard type(result) == old.type else {
            throw .rewrite(value: old.name, reason: "its shape would change to \(shape(result))")
        }
        return result
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
