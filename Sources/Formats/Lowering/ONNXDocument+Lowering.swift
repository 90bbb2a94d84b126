import Compute
package import Model

extension ONNXDocument {
    /// The network at one batch size, with everything that does not depend on data folded.
    ///
    /// - Parameters:
    ///   - batch: replaces a symbolic first size of the inputs.
    ///   - shapes: the shape of one sample, for inputs with other symbolic sizes.
    /// - Returns: a graph whose ops have the nodes that they come from as their origin.
    /// - Throws: ``FormatError/unsupportedOperator(_:)`` with all nodes that cannot be run.
    package func lower(batch: Int, samples shapes: [String: [Int]] = [:]) throws(FormatError) -> Graph {
        let lowering = try lowered(batch: batch, samples: shapes)
        return try lowering.graph.pruned().recognized().pruned()
    }

    /// The lowering of the document at one batch size, with the value of every name.
    func lowered(batch: Int, samples shapes: [String: [Int]]) throws(FormatError) -> ONNXLowering {
        var refused = unknownOperators()
        var lowering = ONNXLowering(
            functions: model.functions, initializers: Set(weights.keys), statistics: untrained,
            furtherResults: furtherResults)
        if isQuantized { lowering.readNarrowIntegers(integerTypes) }
        for (name, tensor) in weights { lowering.define(name, .known(tensor, name: name)) }
        let axes = sampleAxes
        do {
            for input in model.inputs where weights[input.name] == nil {
                if let scalar = try scalar(for: input) {
                    lowering.define(input.name, .known(scalar, name: input.name))
                    continue
                }
                let type = try inputType(input, batch: batch, sample: shapes[input.name])
                try lowering.addInput(input.name, type, sampleAxis: axes[input.name])
            }
            let unknown = try lowerNodes(&lowering, &refused)
            if refused.isEmpty {
                for output in model.outputs { try lowering.addOutput(output.name, sampleAxis: axes[output.name]) }
            } else if try addOutputs(before: unknown, to: &lowering) {
                refused = []
            }
        } catch {
            // Other errors may follow from nodes that cannot be run.
            if case .unsupportedOperator(let nodes) = error { refused += nodes }
            if refused.isEmpty { throw error }
        }
        guard refused.isEmpty else { throw .unsupportedOperator(marked(refused)) }
        return lowering
    }

    /// Makes outputs of all that can be run, when the rest of the nodes is a tail without weights behind it, such as the
    /// label of a classifier or the selection of a detector's boxes. The tail is left as it is.
    ///
    /// - Parameters:
    ///   - unknown: the names that the nodes of the rest compute.
    ///   - lowering: receives the outputs.
    /// - Throws: ``FormatError`` never, as the values have been lowered.
    /// - Returns: false when the rest has weights, or no weights are before it.
    private func addOutputs(
        before unknown: Set<String>, to lowering: inout ONNXLowering
    ) throws(FormatError) -> Bool {
        let tail = model.nodes.filter { $0.outputs.contains(where: unknown.contains) }
        let learnt = Set(weights.filter { $1.type == .float32 && $1.shape.elementCount > 1 }.keys)
        guard !tail.contains(where: { $0.innerFloatCount > 0 || $0.reads.contains(where: learnt.contains) }) else {
            return false
        }
        let inputs = model.inputs.map(\.name)
        var names = model.outputs.map(\.name).filter { !unknown.contains($0) }
        for name in tail.flatMap(\.reads) where !(names + inputs).contains(name) && lowering.isComputed(name) {
            names.append(name)
        }
        let axes = sampleAxes
        for name in names { try lowering.addOutput(name, sampleAxis: axes[name]) }
        let graph = lowering.graph
        let isLearnt = graph.dependents { graph.parameterIndex($0).map { graph.parameters[$0].isTrainable } ?? false }
        return graph.measuredOutputs.contains { isLearnt[$0.value.index] }
    }

    /// The nodes of operators that are not run, as plans and notes name them.
    package var nodesNotRun: [UnsupportedNode] { marked(unknownOperators()) }

    /// Lowers every node except those that cannot be run and those that depend on them.
    ///
    /// - Parameters:
    ///   - lowering: receives the values.
    ///   - refused: the nodes of unknown operators; receives those of known operators that cannot be run.
    /// - Returns: the names that have no value.
    /// - Throws: ``FormatError`` for any other error.
    private func lowerNodes(
        _ lowering: inout ONNXLowering, _ refused: inout [UnsupportedNode]
    ) throws(FormatError) -> Set<String> {
        var unknown: Set<String> = []
        var frame = Frame(opset: opset)
        let unknownOperators = Set(refused.map(\.operatorName))
        for (index, node) in model.nodes.enumerated() {
            let lowered = NodeView(node, index: index, in: &frame)
            guard !node.reads.contains(where: unknown.contains) else {
                unknown.formUnion(node.outputs.filter { !$0.isEmpty })
                continue
            }
            if let name = node.inputs.first(where: { unreadable[$0] != nil }), let error = unreadable[name] {
                refused.append(lowered.refused(", because \(error)"))
                unknown.formUnion(node.outputs.filter { !$0.isEmpty })
                continue
            }
            do { try lowering.lowerNode(lowered, calling: lowering.function(node)) } catch {
                guard case .unsupportedOperator(let nodes) = error else { throw error }
                refused += nodes.filter { !unknownOperators.contains($0.operatorName) && !refused.contains($0) }
                unknown.formUnion(node.outputs.filter { !$0.isEmpty })
                lowering.leaveAll()
            }
        }
        return unknown
    }

    /// The nodes in file order, marked if gradients would pass through them.
    private func marked(_ refused: [UnsupportedNode]) -> [UnsupportedNode] {
        let floats = weights.filter { $1.type == .float32 && $1.shape.rank > 0 }
        let path = GradientPath(in: model, trained: Set(floats.keys).subtracting(untrained))
        var marked = refused.sorted { $0.index < $1.index }
        for place in marked.indices { marked[place].isOnGradientPath = path.contains(marked[place].index) }
        return marked
    }

    /// The names of the initializers that training does not change: running means and variances, and arithmetic
    /// constants, such as the scale of an attention, which exporters write as tensors of one element.
    private var untrained: Set<String> {
        var aliases: [String: String] = [:]
        var untrained: Set<String> = []
        var products: Set<String> = []
        for node in model.nodes {
            if node.opType == "Identity", let from = node.inputs.first, let to = node.outputs.first {
                aliases[to] = aliases[from] ?? from
            }
            if node.opType == "BatchNormalization" {
                untrained.formUnion(node.inputs.dropFirst(3).map { aliases[$0] ?? $0 })
            }
            if node.opType == "MatMul" { products.formUnion(node.outputs) }
            // The bias of a layer with one feature is a tensor of one element too.
            let isBias = node.opType == "Add" && node.inputs.contains(where: products.contains)
            if Self.arithmetic.contains(node.opType), !isBias {
                let names = node.inputs.map { aliases[$0] ?? $0 }
                untrained.formUnion(names.filter { weights[$0]?.shape.elementCount == 1 })
            }
        }
        return untrained
    }

    private static let arithmetic: Set<String> = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where"]

    private var furtherResults: [String: UnsupportedNode] {
        var results: [String: UnsupportedNode] = [:]
        var frame = Frame(opset: opset)
        for (index, node) in model.nodes.enumerated() {
            for output in node.outputs.dropFirst() where !output.isEmpty {
                let lowered = NodeView(node, index: index, in: &frame)
                results[output] = lowered.refused(" with its further result '\(output)'")
            }
        }
        return results
    }

    /// The nodes of unknown operators, found before anything is built. Subgraphs are left out, since not all of them
    /// need to run.
    private func unknownOperators() -> [UnsupportedNode] {
        var refused: [UnsupportedNode] = []
        var frame = Frame(opset: opset)
        var functions: [String: ONNXModel.Function] = [:]
        for function in model.functions {
            functions[ONNXLowering.key(domain: function.domain, function.name, overload: function.overload)] = function
        }
        // Each function is searched once, however often it is called.
        var bodies = [model.nodes.enumerated().map { (index: $0.offset, node: $0.element) }]
        var reached: Set<String> = []
        while let body = bodies.popLast() {
            for (index, node) in body {
                let key = ONNXLowering.key(domain: node.domain, node.opType, overload: node.overload)
                if let function = functions[key] {
                    guard reached.insert(key).inserted else { continue }
                    bodies.append(function.nodes.map { (index: index, node: $0) })
                } else {
                    let known = ONNXLowering.operators[NodeView.opType(node)]
                    guard known?.lower == nil else { continue }
                    refused.append(NodeView(node, index: index, in: &frame).refused(known?.remedy ?? ""))
                }
            }
        }
        return refused
    }
}
