/// The messages of an ONNX file. Each keeps its bytes, so that unchanged ones are written as they were.
///
/// - SeeAlso: onnx/onnx.proto3
package struct ONNXModel: Sendable {
    package struct Opset: Sendable, Hashable {
        package var domain = ""
        package var version = 0
    }

    package struct Node: Sendable {
        package var name = ""
        package var opType = ""
        package var domain = ""
        /// The overload that is called, among functions of one name.
        var overload = ""
        package var inputs: [String] = []
        package var outputs: [String] = []
        package var attributes: [String: Attribute] = [:]
        package var metadata: [String: String] = [:]
        let encoded: Bytes
    }

    package enum Attribute: Sendable {
        case float(Float)
        case int(Int64)
        case string(String)
        case tensor(TensorMessage)
        case floats([Float])
        case ints([Int64])
        case strings([String])
        case graph(Subgraph)
        /// In a function: the attribute of that name of the calling node.
        case reference(String)
        /// A kind of attribute that no op uses.
        case other
    }

    /// A branch of an `If` or the body of a `Loop`, which also sees the names of the graph around it.
    package struct Subgraph: Sendable {
        var nodes: [Node] = []
        var initializers: [TensorMessage] = []
        var inputs: [String] = []
        var outputs: [String] = []
    }

    /// An operator that the file defines in terms of others.
    package struct Function: Sendable {
        var name = ""
        var domain = ""
        var overload = ""
        var inputs: [String] = []
        var outputs: [String] = []
        /// Default values of attributes that a call may omit.
        var defaults: [String: Attribute] = [:]
        var nodes: [Node] = []
        var opsets: [Opset] = []
    }

    package struct TensorMessage: Sendable {
        package var name = ""
        package var sizes: [Int64] = []
        package var dataType: Int64 = 0
        package var raw: Bytes?
        /// The typed fields; one of them holds the elements when `raw` does not.
        var packed: Bytes?
        var int32s: [Int64] = []
        var int64s: [Int64] = []
        /// Little-endian bytes of float64.
        var doubles: [UInt8] = []
        package var external: [String: String] = [:]
        package var isExternal = false
        /// All other fields, as they are in the file.
        var fieldsWithoutElements: [Bytes] = []
        let encoded: Bytes
    }

    package enum Dimension: Sendable, Hashable {
        case size(Int64)
        case symbol(String)
    }

    package struct ValueInfo: Sendable {
        package var name = ""
        package var elementType: Int64 = 0
        /// The sizes; nil when the file does not declare them.
        package var shape: [Dimension]?
        let encoded: Bytes
    }

    package var irVersion: Int64 = 0
    package var producer = ""
    package var opsets: [Opset] = []
    package var metadata: [String: String] = [:]
    package var nodes: [Node] = []
    package var initializers: [TensorMessage] = []
    package var inputs: [ValueInfo] = []
    package var outputs: [ValueInfo] = []
    package var valueInfos: [ValueInfo] = []
    var functions: [Function] = []
    /// The fields in the order of the file.
    var modelFields: [ModelField] = []
    var graphFields: [GraphField] = []
    let file: MappedFile

    enum ModelField {
        case graph
        case metadata(key: String, Bytes)
        case other(Bytes)
    }

    /// A field of the graph; indices are into the arrays above.
    enum GraphField {
        case node(Int), initializer(Int), input(Int), output(Int), valueInfo(Int)
        case other(Bytes)
    }
}

extension ONNXModel.Node {
    /// The names that the node reads: its operands, and outer names that its subgraphs capture.
    var reads: [String] {
        let subgraphs = attributes.values.compactMap { if case .graph(let graph) = $0 { graph } else { nil } }
        return subgraphs.isEmpty ? inputs : inputs + subgraphs.flatMap(\.captures).sorted()
    }
}

extension ONNXModel.Subgraph {
    /// The names of the enclosing graph that the subgraph reads.
    var captures: Set<String> {
        var own = Set(inputs).union(initializers.map(\.name))
        var captures: Set<String> = []
        for node in nodes {
            captures.formUnion(Set(node.reads).subtracting(own))
            own.formUnion(node.outputs)
        }
        captures.formUnion(Set(outputs).subtracting(own))
        return captures.subtracting([""])
    }
}
