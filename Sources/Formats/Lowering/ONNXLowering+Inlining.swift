import Compute
import Model

extension ONNXLowering {
    private static let iterationLimit = 10_000

    /// Lowers one node: a constant, a call of a function, a branch, a loop, or an operator.
    mutating func lowerNode(_ node: NodeView, calling function: ONNXModel.Function?) throws(FormatError) {
        try count()
        if let function { return try call(function, node) }
        if Self.operators[node.opType]?.hasSubgraphs != true, try fold(node) { return }
        try lower(node)
    }

    /// Lowers a node of an operator.
    ///
    /// - Throws: ``FormatError`` for operands, attributes or sizes that do not fit.
    mutating func lower(_ node: NodeView) throws(FormatError) {
        let known = Self.operators[node.opType]
        guard let lower = known?.lower else { throw node.unsupported(known?.remedy ?? "") }
        do { try lower(&self, node) } catch { throw error as? FormatError ?? unfit(node, "\(error)") }
    }

    private mutating func call(_ function: ONNXModel.Function, _ node: NodeView) throws(FormatError) {
        let opset = function.opsets.first { $0.domain.isEmpty }?.version ?? node.opset
        let arguments = function.defaults.merging(node.attributes) { $1 }
        var frame = Frame(opset: opset, prefix: try node.output() + "::", arguments: arguments)
        for (position, name) in function.inputs.enumerated() {
            frame.bind(name, to: node.hasInput(position) ? node.inputs[position] : "")
        }
        try lower(function.nodes, function.outputs, of: node, in: &frame)
    }

    /// Lowers the branch of an `If` whose condition is known.
    mutating func choose(_ node: NodeView) throws(FormatError) {
        guard let condition = try truth(node.input(0)) else {
            throw node.unsupported(" whose condition depends on the data")
        }
        guard let branch = node.graph(condition ? "then_branch" : "else_branch") else {
            throw unfit(node, "it has no such branch")
        }
        var frame = Frame(in: node.frame, prefix: try node.output() + "::")
        try define(branch.initializers, in: &frame)
        try lower(branch.nodes, branch.outputs, of: node, in: &frame)
    }

    /// The value of a name as a Boolean, if it is known.
    private func truth(_ name: String) -> Bool? {
        guard let tensor = known(name), tensor.type == .bool, tensor.shape.elementCount == 1 else { return nil }
        return tensor.bools[0]
    }

    private mutating func define(
        _ initializers: [ONNXModel.TensorMessage], in frame: inout Frame
    ) throws(FormatError) {
        for message in initializers {
            let name = frame.define(message.name)
            define(name, .known(try ONNXDocument.tensor(message, nil), name: name))
        }
    }

    /// Lowers nodes in place of `node`, whose results are their `outputs`.
    private mutating func lower(
        _ nodes: [ONNXModel.Node], _ outputs: [String], of node: NodeView, in frame: inout Frame
    ) throws(FormatError) {
        try enter(node)
        let computed = Set(nodes.flatMap(\.outputs))
        for (inner, outer) in zip(outputs, node.outputs) where !outer.isEmpty && computed.contains(inner) {
            frame.promise(inner, as: outer)
        }
        for inner in nodes {
            let lowered = NodeView(inner, index: node.index, in: &frame, scope: node.scope)
            try lowerNode(lowered, calling: function(inner))
        }
        for (inner, outer) in zip(outputs, node.outputs) where !outer.isEmpty {
            let name = frame.resolve(inner)
            define(outer, try value(name))
        }
        leave()
    }

    /// Unrolls a loop whose number of iterations does not depend on the data.
    ///
    /// - SeeAlso: onnx/Operators.md#Loop
    mutating func unroll(_ node: NodeView) throws(FormatError) {
        guard let body = node.graph("body"), body.inputs.count >= 2, body.outputs.count == node.outputs.count + 1,
            node.inputs.count <= body.inputs.count, node.outputs.count >= body.inputs.count - 2
        else { throw unfit(node, "its body does not fit") }
        let dataDependent = node.unsupported(" whose number of rounds depends on the data")
        var rounds = Self.iterationLimit
        if node.hasInput(0) {
            guard let count = known(node.inputs[0]), count.type == .int64, count.shape.elementCount == 1 else {
                throw dataDependent
            }
            rounds = min(max(0, Int(count.int64s[0])), Self.iterationLimit + 1)
        }
        var condition = true
        if node.hasInput(1) {
            guard let known = truth(node.inputs[1]) else { throw dataDependent }
            condition = known
        }
        let carried = body.inputs.count - 2
        var collected = [[String]](repeating: [], count: node.outputs.count - carried)
        var state = try (0..<carried).map { (index) throws(FormatError) in try node.input(index + 2) }
        var round = 0
        let prefix = node.outputs.first { !$0.isEmpty } ?? ""
        while condition, round < rounds {
            guard round < Self.iterationLimit else { throw .tooLarge("node \(node.description) has too many rounds") }
            var frame = Frame(in: node.frame, prefix: prefix + "::\(round)::")
            try define(body.initializers, in: &frame)
            let counter = frame.define(body.inputs[0])
            define(counter, .known(try node.tensor([Int64(round)], []), name: counter))
            let truth = frame.define(body.inputs[1])
            do { define(truth, .known(try Tensor([true], .scalar), name: truth)) } catch {
                throw .memory(byteCount: error.byteCount)
            }
            for (name, value) in zip(body.inputs.dropFirst(2), state) { frame.bind(name, to: value) }
            try enter(node)
            for inner in body.nodes {
                let lowered = NodeView(inner, index: node.index, in: &frame, scope: node.scope)
                try lowerNode(lowered, calling: function(inner))
            }
            leave()
            guard let next = self.truth(frame.resolve(body.outputs[0])) else { throw dataDependent }
            condition = next
            let results = body.outputs.dropFirst().map { frame.resolve($0) }
            state = Array(results.prefix(carried))
            for (index, name) in results.dropFirst(carried).enumerated() { collected[index].append(name) }
            round += 1
        }
        for (outer, name) in zip(node.outputs, state) where !outer.isEmpty {
            define(outer, try value(name))
        }
        for (outer, names) in zip(node.outputs.dropFirst(carried), collected) where !outer.isEmpty {
            define(outer, .computed(try stacked(names, node)))
        }
    }

    /// The results of the iterations of a loop, stacked on a new first axis.
    private mutating func stacked(_ names: [String], _ node: NodeView) throws(FormatError) -> ValueID {
        guard !names.isEmpty else {
            throw node.unsupported(" that collects the results of no round")
        }
        var rows: [ValueID] = []
        for name in names {
            let value = try operand(name)
            rows.append(try reshaped(value, [1] + graph.shape(value).dimensions, node))
        }
        return try joined(rows, axis: 0, node)
    }
}
