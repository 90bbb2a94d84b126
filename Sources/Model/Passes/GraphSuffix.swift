import Compute

/// The rest of a network from one of its ops on. Values computed before that op and read behind it become inputs.
package struct GraphSuffix {
    /// The values of the whole network that become inputs of ``rest``, and the names of these inputs. The inputs of the
    /// whole network remain inputs and are not among them.
    package let frontier: [(value: ValueID, input: String)]
    /// The network from the cut on, with the same outputs. Values keep their names, parameters their indices.
    package let rest: Graph

    /// - Parameters:
    ///   - graph: the whole network.
    ///   - place: the cut: values with a smaller index lie before it.
    ///   - kept: values that must exist in the rest too, although no output depends on them.
    package init(of graph: Graph, from place: ValueID, keeping kept: [ValueID] = []) {
        let isData = graph.dependents { graph.inputName($0) != nil }
        // A value without a row for each sample is computed again.
        func isCut(_ value: ValueID) -> Bool {
            value < place && isData[value.index] && !graph[value].operands.isEmpty
                && graph.shape(value).dimensions.first == graph.batchSize
        }
        // The first input is always kept: it determines the batch size.
        let results = graph.outputs.map(\.value) + kept + graph.inputs.prefix(1)
        let isNeeded = graph.needed(for: results, unless: isCut)

        var transformer = GraphTransformer(graph, keepsIndices: true)
        var frontier: [(value: ValueID, input: String)] = []
        var names = Set(graph.inputs.compactMap { graph.inputName($0) })
        for value in graph.values where isNeeded[value.index] {
            guard isCut(value) else {
                transformer.keep(value)
                continue
            }
            var number = frontier.count
            while !names.insert("kept/\(number)").inserted { number += 1 }
            frontier.append((value, "kept/\(number)"))
            let input = transformer.result.addInput(
                "kept/\(number)", graph.type(value), valueName: graph[value].name)
            transformer.replace(value, by: input)
        }
        transformer.keepOutputs()
        self.frontier = frontier
        rest = transformer.result
    }
}
