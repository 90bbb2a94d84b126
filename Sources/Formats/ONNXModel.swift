/// An ONNX file as its messages say it; every message knows its bytes, so that what is not touched is written as it was.
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
        /// Subgraphs and what else no op of ours takes.
        case other
    }

    package struct TensorMessage: Sendable {
        package var name = ""
        package var sizes: [Int64] = []
        package var dataType: Int64 = 0
        package var raw: Bytes?
        /// The typed fields, one of which holds the elements when `raw` does not.
        var packed: Bytes?
        var int32s: [Int64] = []
        var int64s: [Int64] = []
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
        /// Nil when the file does not say.
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
    /// The fields in the order of the file.
    var modelFields: [ModelField] = []
    var graphFields: [GraphField] = []
    let file: MappedFile

    enum ModelField {
        case graph
        case metadata(key: String, Bytes)
        case other(Bytes)
    }

    /// Indices are into the arrays above.
    enum GraphField {
        case node(Int), initializer(Int), input(Int), output(Int), valueInfo(Int)
        case other(Bytes)
    }
}
