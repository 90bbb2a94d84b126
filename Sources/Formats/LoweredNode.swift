import Compute

/// A node of the document with its attributes as ops of ours want them.
struct LoweredNode {
    let index: Int
    let opType: String
    let inputs: [String]
    let scope: String
    private let node: ONNXModel.Node
    private let opset: Int

    init(_ node: ONNXModel.Node, index: Int, opset: Int) {
        self.node = node
        self.index = index
        self.opset = opset
        opType = node.domain.isEmpty ? node.opType : node.domain + "." + node.opType
        inputs = node.inputs
        scope = Self.scope(of: node)
    }

    /// As errors name it.
    var description: String {
        "'\(node.name.isEmpty ? node.outputs.first ?? "\(index)" : node.name)' (\(opType), opset \(opset))"
    }

    /// The first result; the others are only for training.
    func output() throws(FormatError) -> String {
        guard let first = node.outputs.first, !first.isEmpty else {
            throw .invalidONNX("node \(description) computes nothing")
        }
        return first
    }

    func input(_ position: Int) throws(FormatError) -> String {
        guard hasInput(position) else { throw .invalidONNX("node \(description) has no operand \(position)") }
        return inputs[position]
    }

    func hasInput(_ position: Int) -> Bool { position < inputs.count && !inputs[position].isEmpty }

    func int(_ name: String) -> Int? {
        if case .int(let value) = node.attributes[name] { Int(value) } else { nil }
    }

    func ints(_ name: String) -> [Int]? {
        if case .ints(let values) = node.attributes[name] { values.map(Int.init) } else { nil }
    }

    func float(_ name: String) -> Float? {
        if case .float(let value) = node.attributes[name] { value } else { nil }
    }

    func string(_ name: String) -> String? {
        if case .string(let value) = node.attributes[name] { value } else { nil }
    }

    /// The tensor of a `Constant` node.
    func constant() throws(FormatError) -> Tensor {
        if case .tensor(let message) = node.attributes["value"] { return try ONNXDocument.tensor(message, nil) }
        if let value = float("value_float") { return try tensor(value) }
        if let value = int("value_int") { return try tensor([Int64(value)], []) }
        if let values = ints("value_ints") { return try tensor(values.map(Int64.init), [values.count]) }
        if case .floats(let values) = node.attributes["value_floats"] {
            do { return try Tensor(values, Shape([values.count])) } catch { throw unfit("\(error)") }
        }
        throw .unsupportedOperator([description + " of that kind"])
    }

    /// What `ConstantOfShape` fills with: one number, by default the float zero.
    func fillValue() throws(FormatError) -> Tensor {
        guard case .tensor(let message) = node.attributes["value"] else { return try tensor(0) }
        let tensor = try ONNXDocument.tensor(message, nil)
        guard tensor.shape.elementCount == 1 else { throw unfit("it fills with \(tensor.shape.elementCount) numbers") }
        return tensor
    }

    /// An attribute that names an element type.
    func elementType(_ name: String) throws(FormatError) -> ElementType {
        guard let type = ElementType(onnx: Int64(int(name) ?? 0)) else {
            throw .unsupportedOperator([description + " to \(ElementType.name(onnx: Int64(int(name) ?? 0)))"])
        }
        return type
    }

    func tensor(_ value: Float) throws(FormatError) -> Tensor {
        do { return try Tensor([value], .scalar) } catch { throw .memory(byteCount: error.byteCount) }
    }

    func tensor(_ values: [Int64], _ sizes: [Int]) throws(FormatError) -> Tensor {
        do { return try Tensor(values, Shape(sizes)) } catch { throw unfit("\(error)") }
    }

    private func unfit(_ what: String) -> FormatError { .invalidONNX("node \(description): \(what)") }

    /// The module path: from PyTorch's name scopes where the dynamo exporter wrote them, else from the node's name, which
    /// the TorchScript exporter makes of it (`/classifier/classifier.4/Gemm` is `classifier.4`).
    private static func scope(of node: ONNXModel.Node) -> String {
        if let scopes = node.metadata["pkg.torch.onnx.name_scopes"] {
            let names = scopes.split(whereSeparator: { "[]', ".contains($0) })
            // The last is the node itself; the one before it names the module.
            return String(names.dropLast().last ?? "")
        }
        var path = ""
        for part in node.name.split(separator: "/").dropLast() {
            // A module of a Sequential repeats the path of its parent.
            let isWhole = part.hasPrefix(path + ".") || path.isEmpty
            path = isWhole ? String(part) : path + "." + part
        }
        return path
    }
}
