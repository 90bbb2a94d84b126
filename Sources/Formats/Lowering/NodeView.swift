import ByteText
import Compute

/// A node of the document with resolved names and typed attributes.
struct NodeView {
    /// The index in the document; inside a function or a subgraph, that of the enclosing node of the document.
    let index: Int
    let opType: String
    let inputs: [String]
    let outputs: [String]
    let scope: String
    /// The frame of the node, which encloses those of its subgraphs.
    let frame: Frame
    /// The opset of the default domain.
    var opset: Int { frame.opset }
    let attributes: [String: ONNXModel.Attribute]
    private let name: String

    /// Resolves a node in a frame.
    ///
    /// - Parameters:
    ///   - node: the node in the file.
    ///   - index: the index of the node of the document.
    ///   - frame: resolves the names of operands, and receives those of results.
    ///   - scope: the module path, if the node itself does not have it.
    init(_ node: ONNXModel.Node, index: Int, in frame: inout Frame, scope: String? = nil) {
        self.index = index
        opType = Self.opType(node)
        inputs = node.inputs.map { frame.resolve($0) }
        outputs = node.outputs.map { frame.define($0) }
        self.frame = frame
        self.scope = scope ?? Self.scope(of: node)
        name = node.name
        var attributes: [String: ONNXModel.Attribute] = [:]
        for (key, value) in node.attributes {
            if case .reference(let argument) = value {
                attributes[key] = frame.arguments[argument]
            } else {
                attributes[key] = value
            }
        }
        self.attributes = attributes
    }

    /// The operator, prefixed with its domain unless that is the default one.
    static func opType(_ node: ONNXModel.Node) -> String {
        node.domain.isEmpty ? node.opType : node.domain + "." + node.opType
    }

    /// The node as errors name it.
    var description: String { "'\(shownName)' (\(opType), opset \(opset))" }

    /// The node's own name, or that of its first result.
    var shownName: String { name.isEmpty ? outputs.first ?? "\(index)" : name }

    /// The name of the first result, which every node must have.
    func output() throws(FormatError) -> String {
        guard let first = outputs.first, !first.isEmpty else {
            throw .invalidONNX("node \(description) computes nothing")
        }
        return first
    }

    /// The name of a result, or nil when the node omits it.
    func output(_ position: Int) -> String? {
        position < outputs.count && !outputs[position].isEmpty ? outputs[position] : nil
    }

    func input(_ position: Int) throws(FormatError) -> String {
        guard hasInput(position) else { throw .invalidONNX("node \(description) has no operand \(position)") }
        return inputs[position]
    }

    func hasInput(_ position: Int) -> Bool { position < inputs.count && !inputs[position].isEmpty }

    func int(_ name: String) -> Int? { if case .int(let value) = attributes[name] { Int(value) } else { nil } }

    func ints(_ name: String) -> [Int]? {
        if case .ints(let values) = attributes[name] { values.map(Int.init) } else { nil }
    }

    func float(_ name: String) -> Float? { if case .float(let value) = attributes[name] { value } else { nil } }

    func floats(_ name: String) -> [Float]? { if case .floats(let values) = attributes[name] { values } else { nil } }

    func graph(_ name: String) -> ONNXModel.Subgraph? {
        if case .graph(let graph) = attributes[name] { graph } else { nil }
    }

    func string(_ name: String) -> String? { if case .string(let value) = attributes[name] { value } else { nil } }

    func strings(_ name: String) -> [String]? {
        if case .strings(let values) = attributes[name] { values } else { nil }
    }

    /// The tensor of a `Constant` node.
    func constant() throws(FormatError) -> Tensor {
        if case .tensor(let message) = attributes["value"] { return try ONNXDocument.tensor(message, nil) }
        if let value = float("value_float") { return try tensor(value) }
        if let value = int("value_int") { return try tensor([Int64(value)], []) }
        if let values = ints("value_ints") { return try tensor(values.map(Int64.init), [values.count]) }
        if let values = floats("value_floats") { return try tensor(values, [values.count]) }
        throw unsupported(" of that kind")
    }

    func flag(_ name: String, otherwise: Bool = false) -> Bool { int(name).map { $0 != 0 } ?? otherwise }

    /// The fill value of `ConstantOfShape`: one number, by default the float zero.
    func fillValue() throws(FormatError) -> Tensor {
        guard case .tensor(let message) = attributes["value"] else { return try tensor(0) }
        let tensor = try ONNXDocument.tensor(message, nil)
        guard tensor.shape.elementCount == 1 else { throw unfit("it fills with \(tensor.shape.elementCount) numbers") }
        return tensor
    }

    /// The element type that an attribute names.
    func elementType(_ name: String) throws(FormatError) -> ElementType {
        guard let type = ElementType(onnx: Int64(int(name) ?? 0)) else {
            throw unsupported(" to \(ElementType.name(onnx: Int64(int(name) ?? 0)))")
        }
        return type
    }

    func tensor(_ value: Float) throws(FormatError) -> Tensor {
        do { return try Tensor([value], .scalar) } catch { throw .memory(byteCount: error.byteCount) }
    }

    func tensor(_ values: [Float], _ sizes: [Int]) throws(FormatError) -> Tensor {
        do { return try Tensor(values, Shape(sizes)) } catch { throw unfit("\(error)") }
    }

    func tensor(_ values: [Int64], _ sizes: [Int]) throws(FormatError) -> Tensor {
        do { return try Tensor(values, Shape(sizes)) } catch { throw unfit("\(error)") }
    }

    private func unfit(_ what: String) -> FormatError { .invalidONNX("node \(description): \(what)") }

    /// The module path: from PyTorch's name scopes if the dynamo exporter wrote them, else from the node's name, which
    /// the TorchScript exporter derives from it (`/classifier/classifier.4/Gemm` is `classifier.4`).
    private static func scope(of node: ONNXModel.Node) -> String {
        if let scopes = node.metadata["pkg.torch.onnx.name_scopes"] {
            let names = scopes.utf8.split(whereSeparator: { "[]', ".utf8.contains($0) })
            // The last is the node itself; the one before it names the module.
            return names.dropLast().last.map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        var path = ""
        for part in node.name.splitBytes(at: UInt8(ascii: "/")).dropLast() {
            // A module of a Sequential repeats the path of its parent.
            let isWhole = part.startsWithBytes(of: path + ".") || path.isEmpty
            path = isWhole ? part : path + "." + part
        }
        return path
    }
}
