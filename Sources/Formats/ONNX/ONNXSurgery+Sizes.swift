import Compute
import Model

extension ONNXDocument {
    /// Finds another value that equals the shape of a removed value.
    ///
    /// PyTorch gives the rows of a product the axes of its input. A `Shape` of the removed value can then read the
    /// sizes that an earlier `Reshape` was given.
    ///
    /// - Parameters:
    ///   - node: a `Shape` node whose operand is removed.
    ///   - known: the names that are kept.
    ///   - edit: defines the removed nodes.
    ///   - graph: a graph whose inputs have the sizes that the document was lowered for.
    /// - Returns: the name of a kept value that equals the shape, or nil.
    /// - Throws: ``FormatError`` never, as the document has been lowered before.
    func sizes(
        of node: ONNXModel.Node, _ known: Set<String>, _ edit: ONNXEdit, in graph: Graph
    ) throws(FormatError) -> String? {
        guard node.attributes.isEmpty, var name = node.inputs.first, node.outputs.count == 1 else { return nil }
        var samples: [String: [Int]] = [:]
        for input in graph.inputs { samples[graph[input].name] = Array(graph.shape(input).dimensions.dropFirst()) }
        let batch = graph.batchSize
        let lowering = try lowered(batch: batch, samples: samples)
        guard let shape = lowering.type(name)?.shape else { return nil }
        for index in model.nodes.indices.reversed() where edit.removedNodes.contains(index) {
            let maker = model.nodes[index]
            guard maker.outputs.first == name else { continue }
            if maker.opType == "Reshape" {
                guard maker.inputs.count > 1, known.contains(maker.inputs[1]),
                    let sizes = lowering.known(maker.inputs[1]), sizes.type == .int64,
                    // A size that is inferred (-1) or copied (0) differs from the one in the shape.
                    sizes.int64s == shape.dimensions.map(Int64.init), !sizes.int64s.contains(0)
                else { return nil }
                return maker.inputs[1]
            }
            guard ONNXLowering.operators[NodeView.opType(maker)]?.keepsShape == true,
                let same = maker.inputs.first(where: { lowering.type($0)?.shape == shape && !known.contains($0) })
            else { return nil }
            name = same
        }
        return nil
    }
}
