import Compute
import Model

extension ONNXLowering {
    /// The maximum depth of calls: recursive functions never end.
    private static let depthLimit = 32
    private static let iterationLimit = 10_000

    /// Lowers one node: a constant, a call of a function, a branch, a loop, or an operator.
    mutating func lowerNode(_ node: NodeView, calling function: ONNXModel.Function?) throws(FormatError) {
        nodesLeft -= 1
        guard nodesLeft >= 0 else { throw .tooLarge("the model has too many nodes once its functions are put in") }
        if let function { return try call(function, node) }
        switch node.opType {
        case "If": try choose(node)
        case "Loop": try unroll(node)
        default: if try !fold(node) { try lower(node) }
        }
    }

    func function(_ node: ONNXModel.Node) -> ONNXModel.Function? {
        functions.isEmpty ? nil : functions[Self.key(domain: node.domain, node.opType, overload: node.overload)]
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

    private mutating func choose(_ node: NodeView) throws(FormatError) {
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
            values[name] = .known(try ONNXDocument.tensor(message, nil), name: name)
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
            guard let value = values[name] else { throw absent(name) }
            values[outer] = value
        }
        depth -= 1
    }

    /// Unrolls a loop whose number of iterations does not depend on the data.
    ///
    /// - SeeAlso: onnx/Operators.md#Loop
    private mutating func unroll(_ node: NodeView) throws(FormatError) {
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
            values[counter] = .known(try node.tensor([Int64(round)], []), name: counter)
            let truth = frame.define(body.inputs[1])
            do { values[truth] = .known(try Tensor([true], .scalar), name: truth) } catch {
                throw .memory(byteCount: error.byteCount)
            }
            for (name, value) in zip(body.inputs.dropFirst(2), state) { frame.bind(name, to: value) }
            try enter(node)
            for inner in body.nodes {
                let lowered = NodeView(inner, index: node.index, in: &frame, scope: node.scope)
                try lowerNode(lowered, calling: function(inner))
            }
            depth -= 1
            guard let next = self.truth(frame.resolve(body.outputs[0])) else { throw dataDependent }
            condition = next
            let results = body.outputs.dropFirst().map { frame.resolve($0) }
            state = Array(results.prefix(carried))
            for (index, name) in results.dropFirst(carried).enumerated() { collected[index].append(name) }
            round += 1
        }
        for (outer, name) in zip(node.outputs, state) where !outer.isEmpty {
            guard let value = values[name] else { throw absent(name) }
            values[outer] = value
        }
        for (outer, names) in zip(node.outputs.dropFirst(carried), collected) where !outer.isEmpty {
            values[outer] = .computed(try stacked(names, node))
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
        return rows.count == 1 ? rows[0] : try emit(.concat(axis: 0), rows, node)
    }

    /// Resets the depth to that of the document's own nodes after an error.
    mutating func leave() { depth = 0 }

    private mutating func enter(_ node: NodeView) throws(FormatError) {
        guard depth < Self.depthLimit else {
            throw .tooLarge("node \(node.description) is too deep in other functions")
        }
        depth += 1
    }
}
