import ByteText
import Compute
package import Model

extension ONNXDocument {
    /// The edit that makes this document match a graph that was rewritten or trained.
    ///
    /// - Parameter graph: a graph derived from ``lower(batch:samples:)`` of this document.
    /// - Returns: the nodes and initializers to remove, add or change; none for an unchanged graph.
    /// - Throws: ``FormatError/memory(byteCount:)``, or ``FormatError/invalidONNX(_:)`` when an output depends on the
    ///   size of a removed value.
    package func edit(toMatch graph: Graph) throws(FormatError) -> ONNXEdit {
        var edit = ONNXEdit()
        let precisions = precisions
        var names = NewNames(taken: Set(model.nodes.flatMap(\.outputs)).union(model.inputs.map(\.name)))
        let replacing = graph.values.filter { graph[$0].origin.isReplacement }
        for value in replacing { edit.removedNodes.formUnion(graph[value].origin.nodes) }

        for parameter in graph.parameters where !parameter.isNew {
            if let original = weights[parameter.name], original.storage !== parameter.tensor.storage {
                edit.changedInitializers[parameter.name] = parameter.tensor
            }
        }
        // The last op of a replacement has the name of the value that it computes, the others have none.
        let ends = Dictionary(replacing.map { (graph[$0].origin, $0) }) { $1 }
        for value in replacing {
            guard let place = graph[value].origin.nodes.last, let end = ends[graph[value].origin] else { continue }
            let new = try newNodes(for: value, of: end, in: graph, precisions, &edit, &names)
            edit.newNodes[place, default: []] += new
            if let last = new.last { names.values[value] = last.output }
        }
        if !edit.isEmpty {
            edit.resizedValues = resizedValues(in: graph, ends.values.sorted(), edit)
            try dropWhatNobodyReads(&edit, in: graph)
        }
        return edit
    }

    /// The names that an edit has used.
    private struct NewNames {
        /// The names of values and initializers.
        var taken: Set<String>
        /// The names of new initializers, by the index of their parameter.
        var initializers: [Int: String] = [:]
        /// The names of the values of new nodes.
        var values: [ValueID: String] = [:]
        var nodes: Set<String> = []

        /// The name of a new node, which no other new node has: layers of one weight may have one module path.
        mutating func node(_ name: String) -> String {
            var (unique, count) = (name, 0)
            while !nodes.insert(unique).inserted {
                count += 1
                unique = "\(name)_\(count)"
            }
            return unique
        }
    }

    /// The values of kept nodes whose size follows from a replacement of another size than before.
    ///
    /// - Parameters:
    ///   - graph: the rewritten graph.
    ///   - ends: the last values of all replacements.
    ///   - edit: defines the new nodes.
    /// - Returns: their names.
    private func resizedValues(in graph: Graph, _ ends: [ValueID], _ edit: ONNXEdit) -> Set<String> {
        var resized: Set<String> = []
        for value in ends where graph[value].origin.isResized { resized.insert(graph[value].name) }
        guard !resized.isEmpty else { return [] }
        for (index, node) in model.nodes.enumerated() where !edit.removedNodes.contains(index) {
            if node.reads.contains(where: resized.contains) { resized.formUnion(node.outputs) }
        }
        return resized
    }

    /// The nodes that express one op of a replacement. Adds their weights to `edit`, unless it has them, and the new names
    /// to `names`.
    private func newNodes(
        for value: ValueID, of end: ValueID, in graph: Graph, _ precisions: [String: Precision], _ edit: inout ONNXEdit,
        _ names: inout NewNames
    ) throws(FormatError) -> [ONNXEdit.NewNode] {
        let node = graph[value]
        let kept = initializerNames
        let precision = precisions[graph[end].name]
        func add(_ operand: ValueID, transposed: Bool = false) throws(FormatError) -> String {
            guard let index = graph.parameterIndex(operand) else { return read(operand) }
            if let name = names.initializers[index] { return name }
            var name = graph.parameters[index].name
            // An initializer keeps its name while a remaining node reads it.
            while names.taken.contains(name) || (kept.contains(name) && isRead(name, after: edit)) { name += ".merged" }
            names.taken.insert(name)
            names.initializers[index] = name
            let tensor = graph.parameters[index].tensor
            edit.newInitializers.append(
                .init(name: name, tensor: transposed ? try tensor.transposed() : tensor, precision: precision))
            return name
        }
        func fresh(_ name: String) -> String {
            var name = name
            while names.taken.contains(name) { name += "_" }
            names.taken.insert(name)
            return name
        }
        let name = "/" + node.scope.splitBytes(at: UInt8(ascii: "."), keepsEmpty: true).joined(separator: "/")
        var nodes: [ONNXEdit.NewNode] = []
        /// The name of a value in the precision of the layer: a Cast that stood before the block is gone with it.
        func read(_ source: ValueID) -> String {
            if graph[source].origin == node.origin, let inner = names.values[source] { return inner }
            let found = graph[source].name
            guard precisions[found] != precision else { return found }
            let cast = fresh(name + "/Cast_output_0")
            nodes.append(
                .init(
                    opType: "Cast", name: names.node(name + "/Cast"), inputs: [found], output: cast,
                    ints: ["to": precision?.rawValue ?? ElementType.float32.onnx]))
            return cast
        }
        /// The name of the result of an op: of its type, unless it is the last one of the replacement.
        func output(_ type: String) -> String {
            value == end ? node.name : fresh(name + "/" + type + "_output_0")
        }
        switch node.op {
        case .prelu:
            let input = read(node.operands[0])
            return nodes + [
                .init(
                    opType: "PRelu", name: names.node(name + "/PRelu"), inputs: [input, try add(node.operands[1])],
                    output: output("PRelu"))
            ]
        case .gather:
            let (table, indices) = (try add(node.operands[0]), graph[node.operands[1]].name)
            return [
                .init(
                    opType: "Gather", name: names.node(name + "/Gather"), inputs: [table, indices],
                    output: output("Gather"))
            ]
        case .binary(.add):
            let operands = [read(node.operands[0]), read(node.operands[1])]
            return nodes + [
                .init(opType: "Add", name: names.node(name + "/Add"), inputs: operands, output: output("Add"))
            ]
        case .convolution:
            var operands = [read(node.operands[0])]
            for operand in node.operands.dropFirst() { operands.append(try add(operand)) }
            return nodes + [
                .init(opType: "Conv", name: names.node(name + "/Conv"), inputs: operands, output: output("Conv"))
            ]
        case .matMul where node.type.shape.rank == 2:
            let rows = graph[node.operands[0]]
            var operands: [String]
            if case .reshape = rows.op, rows.origin.nodes.isEmpty {
                operands = [fresh(name + "/Flatten_output_0")]
                let input = read(rows.operands[0])
                nodes.append(
                    .init(
                        opType: "Flatten", name: names.node(name + "/Flatten"), inputs: [input], output: operands[0]))
            } else {
                operands = [read(node.operands[0])]
            }
            // Before opset 11 a Gemm has a bias.
            if node.operands.count == 2, opset < 11 {
                operands.append(try add(node.operands[1], transposed: true))
                return nodes + [
                    .init(
                        opType: "MatMul", name: names.node(name + "/MatMul"), inputs: operands, output: output("MatMul")
                    )
                ]
            }
            for operand in node.operands.dropFirst() { operands.append(try add(operand)) }
            let gemm = ONNXEdit.NewNode(
                opType: "Gemm", name: names.node(name + "/Gemm"), inputs: operands, output: output("Gemm"),
                ints: ["transB": 1])
            return nodes + [gemm]
        case .matMul:
            let (input, weight) = (read(node.operands[0]), try add(node.operands[1], transposed: true))
            guard node.operands.count > 2 else {
                return nodes + [
                    .init(
                        opType: "MatMul", name: names.node(name + "/MatMul"), inputs: [input, weight],
                        output: output("MatMul"))
                ]
            }
            let product = fresh(name + "/MatMul_output_0")
            return nodes + [
                .init(opType: "MatMul", name: names.node(name + "/MatMul"), inputs: [input, weight], output: product),
                .init(
                    opType: "Add", name: names.node(name + "/Add"), inputs: [product, try add(node.operands[2])],
                    output: output("Add")),
            ]
        default:
            preconditionFailure("a replacement holds layers, sums, tables and PReLUs")
        }
    }

    private var initializerNames: Set<String> { Set(model.initializers.map(\.name)) }

    private func isRead(_ name: String, after edit: ONNXEdit) -> Bool {
        model.outputs.contains { $0.name == name }
            || model.nodes.enumerated().contains {
                !edit.removedNodes.contains($0.offset) && $0.element.reads.contains(name)
            }
    }

    /// Removes the nodes around the replaced ones that have lost their operands or their consumers, and the
    /// initializers without consumers.
    private func dropWhatNobodyReads(_ edit: inout ONNXEdit, in graph: Graph) throws(FormatError) {
        // Forwards: nodes that read a removed value, such as a Dropout inside the block.
        var known = initializerNames.union(model.inputs.map(\.name)).union(edit.newInitializers.map(\.name))
        for (index, node) in model.nodes.enumerated() {
            for new in edit.newNodes[index] ?? [] { known.formUnion(new.outputs) }
            guard !edit.removedNodes.contains(index) else { continue }
            if node.reads.allSatisfy({ $0.isEmpty || known.contains($0) }) {
                known.formUnion(node.outputs)
            } else {
                edit.removedNodes.insert(index)
                guard node.opType == "Shape", let sizes = try sizes(of: node, known, edit, in: graph) else { continue }
                let name = (node.name.isEmpty ? node.outputs[0] : node.name) + "/Identity"
                edit.newNodes[index] = [
                    .init(opType: "Identity", name: name, inputs: [sizes], output: node.outputs[0])
                ]
                known.formUnion(node.outputs)
            }
        }
        for output in model.outputs where !known.contains(output.name) {
            throw .invalidONNX(
                "output '\(output.name)' depends on the size of a value that would be gone: exclude that layer")
        }
        // Backwards: nodes read only by removed ones, such as the transpose of a weight.
        var read = Set(model.outputs.map(\.name))
        let readBefore = read.union(model.nodes.flatMap(\.reads))
        let new = Set(edit.newInitializers.map(\.name))
        for (index, node) in model.nodes.enumerated().reversed() {
            for node in edit.newNodes[index] ?? [] { read.formUnion(Set(node.inputs).subtracting(new)) }
            guard !edit.removedNodes.contains(index) else { continue }
            let isRead = node.outputs.contains(where: read.contains)
            if isRead || !node.outputs.contains(where: readBefore.contains) {
                read.formUnion(node.reads)
            } else {
                edit.removedNodes.insert(index)
            }
        }
        edit.removedInitializers = Set(weights.keys).subtracting(read)
    }
}

extension Tensor {
    /// The transpose `[N, M]` of a matrix `[M, N]`.
    fileprivate func transposed() throws(FormatError) -> Tensor {
        do {
            let result = try Tensor(zeros: Shape(shape.dimensions.reversed()))
            try Step.transpose(self, permutation: [1, 0], into: result).run()
            return result
        } catch {
            throw .memory(byteCount: byteCount)
        }
    }
}
