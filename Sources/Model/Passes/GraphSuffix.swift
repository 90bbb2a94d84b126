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
    /// - Throws: ``ModelError`` never for a graph that is well typed.
    package init(of graph: Graph, from place: ValueID, keeping kept: [ValueID] = []) throws(ModelError) {
        var isData = [Bool](repeating: false, count: graph.nodes.count)
        var isNeeded = isData
        var isCut = isData
        for value in graph.values {
            if case .input = graph[value].op { isData[value.index] = true }
            if graph[value].operands.contains(where: { isData[$0.index] }) { isData[value.index] = true }
        }
        for value in graph.outputs.map(\.value) + kept { isNeeded[value.index] = true }
        for value in graph.values.reversed() where isNeeded[value.index] {
            // A value without a row for each sample is computed again.
            isCut[value.index] =
                value < place && isData[value.index] && !graph[value].operands.isEmpty
                && graph.shape(value).dimensions.first == graph.batchSize
            guard !isCut[value.index] else { continue }
            for operand in graph[value].operands { isNeeded[operand.index] = true }
        }

        var rest = Graph(parameters: graph.parameters)
        var moved = [ValueID?](repeating: nil, count: graph.nodes.count)
        var frontier: [(value: ValueID, input: String)] = []
        var names = Set(graph.inputs.compactMap { graph.inputName($0) })
        for value in graph.values {
            let node = graph[value]
            if case .input(let name) = node.op {
                // The first input is always kept: it determines the batch size.
                guard isNeeded[value.index] || value == graph.inputs.first else { continue }
                moved[value.index] = rest.addInput(name, node.type, valueName: node.name)
            } else if isCut[value.index] {
                var number = frontier.count
                while !names.insert("kept/\(number)").inserted { number += 1 }
                frontier.append((value, "kept/\(number)"))
                moved[value.index] = rest.addInput("kept/\(number)", node.type, valueName: node.name)
            } else if isNeeded[value.index] {
                moved[value.index] = try rest.append(node, reading: node.operands.compactMap { moved[$0.index] })
            }
        }
        rest.addOutputs(of: graph, moved)
        self.frontier = frontier
        self.rest = rest
    }
}
