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

    package init(removed: [ValueID], output: ValueID, replacement: Replacement, scope: String) {
        self.removed = removed
        self.output = output
        self.replacement = replacement
        self.scope = scope
    }
}

extension Graph {
    /// The graph after the rewrite: same inputs, same outputs, same shapes. Nodes and parameters are renumbered.
    ///
    /// - Throws: ``ModelError/rewrite(value:reason:)`` if another node reads a removed value, if the shape would
    ///   change, or if a document node would be removed only in part.
    package func replacing(_ rewrite: Rewrite) throws(ModelError) -> Graph {
        let removed = Set(rewrite.removed)
        let input =
            switch rewrite.replacement {
            case .linear(let input, _, _), .pointwise(let input, _, _), .prelu(let input, _): input
            }
        for (index, node) in nodes.enumerated() where !removed.contains(ValueID(index: index)) {
            for operand in node.operands where removed.contains(operand) && operand != rewrite.output {
                throw .rewrite(value: self[operand].name, reason: "'\(node.name)' reads it too")
            }
        }
        for output in outputs where removed.contains(output.value) && output.value != rewrite.output {
            throw .rewrite(value: output.name, reason: "it is an output of the model")
        }
        precondition(!removed.contains(input) && input < rewrite.output)

        let sources = Set(rewrite.removed.flatMap { self[$0].origin.nodes })
        for value in values where !removed.contains(value) && !sources.isDisjoint(with: self[value].origin.nodes) {
            throw .rewrite(value: self[rewrite.output].name, reason: "its node in the file does more than goes")
        }
        let origin = Origin(nodes: sources.sorted(), isReplacement: true)
        let output = self[rewrite.output]
        return try rebuilt { (graph, value, moved) throws(ModelError) in
            guard value == rewrite.output, let input = moved[input.index] else { return nil }
            let result: ValueID
            switch rewrite.replacement {
            case .linear(_, let weight, let bias):
                let rows = try graph.flattened(input, forRank: output.type.shape.rank)
                let operands = [rows] + graph.addLayer(rewrite.scope, weight, bias)
                result = try graph.append(
                    .matMul(transposeLeft: false, transposeRight: true), operands,
                    name: output.name, scope: rewrite.scope, origin: origin)
            case .pointwise(_, let weight, let bias):
                let kernel = weight.reshaped(weight.shape.withPixels(rank: graph.shape(input).rank))
                let operands = [input] + graph.addLayer(rewrite.scope, kernel, bias)
                result = try graph.append(
                    .convolution(Window(pointwise: kernel.shape.rank - 2), groups: 1), operands,
                    name: output.name, scope: rewrite.scope, origin: origin)
            case .prelu(_, let slope):
                let slope = graph.addParameter(
                    Parameter(name: rewrite.scope + ".slope", tensor: slope, isTrainable: true, isNew: true))
                result = try graph.append(
                    .prelu, [input, slope], name: output.name, scope: rewrite.scope, origin: origin)
            }
            guard graph.type(result) == output.type else {
                throw .rewrite(
                    value: output.name, reason: "its shape would change to \(graph.shape(result))")
            }
            return result
        }
    }

    /// Adds the parameters of a new layer.
    private mutating func addLayer(_ scope: String, _ weight: Tensor, _ bias: Tensor?) -> [ValueID] {
        [("weight", weight), ("bias", bias)].compactMap { (suffix, tensor) -> ValueID? in
            tensor.map {
                addParameter(Parameter(name: scope + "." + suffix, tensor: $0, isTrainable: true, isNew: true))
            }
        }
    }

    /// Reshapes `[N, C, 1, ...]` to `[N, C]` if `rank` is 2.
    private mutating func flattened(_ value: ValueID, forRank rank: Int) throws(ModelError) -> ValueID {
        let full = shape(value)
        guard rank == 2, full.rank > 2, full.dimensions.dropFirst(2).allSatisfy({ $0 == 1 }) else { return value }
        return try append(.reshape(full.unfoldedToMatrix), [value])
    }

    /// Copies the inputs and the nodes that the outputs need. `substitute` appends a replacement for a node, or returns
    /// nil to keep the node.
    private func rebuilt(
        _ substitute: (inout Graph, ValueID, [ValueID?]) throws(ModelError) -> ValueID?
    ) throws(ModelError) -> Graph {
        var graph = Graph()
        var moved = [ValueID?](repeating: nil, count: nodes.count)
        for value in values {
            let node = self[value]
            switch node.op {
            case .input(let name):
                moved[value.index] = graph.addInput(name, node.type, valueName: node.name)
            case .parameter(let index): moved[value.index] = graph.addParameter(parameters[index])
            default:
                if let replacement = try substitute(&graph, value, moved) {
                    moved[value.index] = replacement
                    continue
                }
                // Operands are missing if the node itself is one of those removed.
                let operands = node.operands.compactMap { moved[$0.index] }
                guard operands.count == node.operands.count else { continue }
                moved[value.index] = try graph.append(node, reading: operands)
            }
        }
        for output in outputs {
            guard let value = moved[output.value.index] else {
                throw .rewrite(value: output.name, reason: "the model's output would be gone")
            }
            graph.addOutput(output.name, value)
        }
        return graph.pruned()
    }

    /// The graph without the nodes and parameters that no output depends on.
    package func pruned() -> Graph {
        var isNeeded = [Bool](repeating: false, count: nodes.count)
        for output in outputs { isNeeded[output.value.index] = true }
        for value in values.reversed() where isNeeded[value.index] {
            for operand in self[value].operands { isNeeded[operand.index] = true }
        }
        return renumbered(keeping: isNeeded)
    }
}
