import Compute

/// Collects weights of integers, and writes the nodes that compute with them into an edit.
struct IntegerWeightWriter {
    private let document: ONNXDocument
    private var planned: [IntegerWeight] = []
    /// The names of values, initializers and inputs.
    private var taken: Set<String>
    /// The value, scale and zero point of each input of products, by its name.
    private var inputs: [String: [String]] = [:]
    /// The transposes of tables, by the name of the weight.
    private var transposes: [String: String] = [:]

    init(_ document: ONNXDocument) {
        self.document = document
        let model = document.model
        taken = Set(model.nodes.flatMap { $0.outputs + $0.reads }).union(model.inputs.map(\.name))
            .union(model.initializers.map(\.name))
    }

    /// Takes a weight into the edit.
    ///
    /// - Throws: ``WeightUses/Refusal`` when the file would not be smaller for it.
    mutating func plan(_ weight: IntegerWeight) throws(WeightUses.Refusal) {
        // All that the weight adds, if it were the only one that is quantized.
        var alone = self
        alone.planned = [weight]
        let edit = alone.edit()
        let added =
            edit.newNodes.values.joined().reduce(0) { $0 + $1.encoded.count }
            + edit.newInitializers.reduce(0) { $0 + $1.byteCount + $1.name.utf8.count + 16 }
        let removed =
            edit.removedNodes.reduce(0) { $0 + document.model.nodes[$1].encoded.count }
            + (document.weights[weight.name]?.byteCount ?? 0)
        guard added < removed else { throw .init("as integers it would not be smaller") }
        planned.append(weight)
    }

    /// The edit for all weights that were planned.
    consuming func edit() -> ONNXEdit {
        var edit = ONNXEdit()
        for weight in planned {
            edit.newInitializers += weight.initializers
            edit.removedInitializers.insert(weight.name)
            edit.removedNodes.formUnion(weight.uses.between)
        }
        // In the order of the nodes: an input is quantized before the first product that reads it.
        let uses = planned.flatMap { weight in weight.uses.uses.map { (use: $0, weight: weight) } }
        for (use, weight) in uses.sorted(by: { $0.use.node < $1.use.node }) {
            edit.removedNodes.insert(use.node)
            let node = document.model.nodes[use.node]
            edit.newNodes[use.node] =
                switch use.kind {
                case .product: product(node, weight)
                case .table: lookup(node, weight)
                }
        }
        return edit
    }

    // MARK: Nodes

    /// The nodes of a product with integers: ONNX Runtime fuses them in this order of operands.
    private mutating func product(_ node: ONNXModel.Node, _ weight: IntegerWeight) -> [ONNXEdit.NewNode] {
        guard let scales = weight.columnScales else { preconditionFailure("a product has scales of its columns") }
        var nodes: [ONNXEdit.NewNode] = []
        func fresh(_ name: String) -> String { Self.fresh(name, &taken) }
        func add(
            _ type: String, as name: String? = nil, _ inputs: [String], _ results: [String],
            _ ints: [String: Int64] = [:]
        ) {
            let name = node.name + "/" + (name ?? type)
            nodes.append(.init(opType: type, name: name, inputs: inputs, outputs: results, ints: ints))
        }
        let x = node.inputs[0]
        if inputs[x] == nil {
            let names = ["_quantized", "_scale", "_zero_point"].map { fresh(x + $0) }
            add("DynamicQuantizeLinear", [x], names)
            inputs[x] = names
        }
        let input = inputs[x] ?? []
        var factor = weight.integers.name
        if weight.needsTranspose {
            if let known = transposes[weight.name] {
                factor = known
            } else {
                factor = fresh(weight.name + "_transposed")
                add("Transpose", [weight.integers.name], [factor])
                transposes[weight.name] = factor
            }
        }
        let output = node.outputs[0]
        let names = ["_integers", "_floats", "_scales", "_product"].map { fresh(output + $0) }
        let bias = node.opType == "Gemm" && node.inputs.count > 2 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
        add("MatMulInteger", [input[0], factor, input[2]], [names[0]])
        add("Cast", [names[0]], [names[1]], ["to": ElementType.float32.onnx])
        add("Mul", as: "Scales", [input[1], scales.name], [names[2]])
        add("Mul", [names[1], names[2]], [bias == nil ? output : names[3]])
        if let bias { add("Add", [names[3], bias], [output]) }
        return nodes
    }

    /// The nodes that look rows of integers up and scale them.
    private mutating func lookup(_ node: ONNXModel.Node, _ weight: IntegerWeight) -> [ONNXEdit.NewNode] {
        guard let scales = weight.rowScales else { preconditionFailure("a table has scales of its rows") }
        let output = node.outputs[0]
        let names = ["_integers", "_floats", "_scales"].map { Self.fresh(output + $0, &taken) }
        var nodes: [ONNXEdit.NewNode] = []
        func add(_ type: String, as name: String, _ inputs: [String], _ result: String, _ ints: [String: Int64] = [:]) {
            nodes.append(.init(opType: type, name: node.name + "/" + name, inputs: inputs, output: result, ints: ints))
        }
        add("Gather", as: "Gather", [weight.integers.name, node.inputs[1]], names[0])
        add("Cast", as: "Cast", [names[0]], names[1], ["to": ElementType.float32.onnx])
        add("Gather", as: "Scales", [scales.name, node.inputs[1]], names[2])
        add("Mul", as: "Mul", [names[1], names[2]], output)
        return nodes
    }

    private static func fresh(_ name: String, _ taken: inout Set<String>) -> String {
        var name = name
        while !taken.insert(name).inserted { name += "_" }
        return name
    }
}
