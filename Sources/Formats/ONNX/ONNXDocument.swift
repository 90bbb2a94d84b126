import ByteText
package import Compute
import Glibc

/// A model file (with its external data) in which every declared size has been checked. Weights are views of the mapped
/// files.
package struct ONNXDocument: Sendable {
    package let model: ONNXModel
    /// The weights by initializer name; those in other precisions as float32.
    package let weights: [String: Tensor]
    /// The errors of initializers of types that cannot be read, raised when a layer needs them.
    let unreadable: [String: FormatError]
    /// The bytes of external initializers, which are copied as they are.
    let externalBytes: [String: Bytes]
    package let path: String
    /// True for a model of quantized weights or values, whose narrow integers are read as floats.
    package let isQuantized: Bool
    /// The numbers that the data give for inputs without axes, which are known when the document is lowered.
    package var scalars: [String: Tensor] = [:]

    /// Limits on the contents of a file.
    package enum Limits {
        package static let irVersions: ClosedRange<Int64> = 3...14
        package static let opsets = 7...28
        /// The maximum number of nodes, initializers and values together.
        package static let messages = 300_000
        /// The maximum number of axes: that of oneDNN.
        package static let rank = 12
    }

    /// Reads and checks a file.
    ///
    /// - Parameters:
    ///   - path: path of the file.
    ///   - readsQuantized: whether quantized models are read, which can be run and not compressed.
    /// - Throws: ``FormatError`` for an incomplete or invalid file, before anything is built.
    package init(_ path: String, readsQuantized: Bool = false) throws(FormatError) {
        self.path = path
        var model = try ONNXModel(try MappedFile(path))
        model.sortNodes()
        self.model = model
        try Self.checkVersions(model)
        try model.checkSpelling()
        try Self.checkNames(model)
        let quantized = Self.quantizedNode(of: model)
        if let quantized, !readsQuantized {
            throw .quantized(
                "node '\(quantized.name)' (\(quantized.opType)): the model is quantized: compress the float model first, quantize "
                    + "afterwards")
        }
        isQuantized = quantized != nil
        (weights, unreadable, externalBytes) = try Self.weights(
            model, folder: path.folder, readsNarrow: isQuantized)
    }

    package var opset: Int { model.opsets.first { $0.domain.isEmpty }?.version ?? 0 }

    private static func checkVersions(_ model: ONNXModel) throws(FormatError) {
        guard Limits.irVersions.contains(model.irVersion) else {
            throw .unsupportedOpset(
                "the file has IR version \(model.irVersion); 3 to 14 are read: export it anew, or set its ir_version")
        }
        guard let opset = model.opsets.first(where: { $0.domain.isEmpty })?.version else {
            throw .invalidONNX("the file does not say which version of the operators it uses")
        }
        try checkOpset(opset, of: "the file")
        for function in model.functions {
            guard let own = function.opsets.first(where: { $0.domain.isEmpty })?.version else { continue }
            try checkOpset(own, of: "function '\(function.name)' of the file")
        }
    }

    private static func checkOpset(_ opset: Int, of what: String) throws(FormatError) {
        guard Limits.opsets.contains(opset) else {
            throw .unsupportedOpset(
                "\(what) has opset \(opset); \(Limits.opsets.lowerBound) to \(Limits.opsets.upperBound) are read: "
                    + "convert it with onnx.version_converter, or export it anew with opset_version=17")
        }
    }

    /// Checks that each name is computed once and before it is read: the nodes are in order and without a cycle.
    private static func checkNames(_ model: ONNXModel) throws(FormatError) {
        var known: Set<String> = []
        for initializer in model.initializers where !known.insert(initializer.name).inserted {
            throw .invalidONNX("two initializers are named '\(initializer.name)'")
        }
        var inputs: Set<String> = []
        for input in model.inputs where !inputs.insert(input.name).inserted {
            throw .invalidONNX("two inputs are named '\(input.name)'")
        }
        // Before IR version 4, initializers are inputs too.
        known.formUnion(inputs)
        var computed: Set<String> = []
        for (index, node) in model.nodes.enumerated() {
            for input in node.inputs where !input.isEmpty && !known.contains(input) {
                throw .invalidONNX(
                    "node \(index) (\(node.opType) '\(node.name)') reads '\(input)', which nothing before it computes")
            }
            for output in node.outputs where !output.isEmpty {
                guard computed.insert(output).inserted, known.insert(output).inserted else {
                    throw .invalidONNX("'\(output)' is computed twice, again by node \(index) (\(node.opType))")
                }
            }
        }
        guard !model.outputs.isEmpty else { throw .invalidONNX("the graph has no outputs") }
        for output in model.outputs where !known.contains(output.name) {
            throw .invalidONNX("nothing computes the output '\(output.name)'")
        }
    }

    /// The first node that works on quantized weights or values; nil for a model of floats.
    private static func quantizedNode(of model: ONNXModel) -> ONNXModel.Node? {
        let narrow = Set(model.initializers.filter { NarrowInteger(rawValue: $0.dataType) != nil }.map(\.name))
        return (model.nodes + model.functions.flatMap(\.nodes)).first { node in
            let type = node.opType
            return type == "Gather" && node.inputs.first.map(narrow.contains) == true
                || type.startsWithBytes(of: "QLinear") || type.endsWithBytes(of: "Integer")
                || type.containsBytes(of: "uantize")
                || node.domain.hasBytes(of: "com.microsoft")
                    && (quantizedByRuntime.contains(type) || type.startsWithBytes(of: "QOrdered"))
        }
    }

    /// True for a model that quantizes values by the smallest and the largest of a run, which depend on its samples.
    package var quantizesByRun: Bool { model.nodes.contains { $0.opType == "DynamicQuantizeLinear" } }

    /// The types of initializers that are read as floats, by their names.
    var integerTypes: [String: NarrowInteger] {
        guard isQuantized else { return [:] }
        var types: [String: NarrowInteger] = [:]
        for initializer in model.initializers {
            types[initializer.name] = NarrowInteger(rawValue: initializer.dataType)
        }
        return types
    }

    /// The operators of the domain `com.microsoft` on quantized weights or values that their names do not say.
    private static let quantizedByRuntime: Set<String> = [
        "MatMulBnb4", "MatMulNBits", "QAttention", "QEmbedLayerNormalization", "QGemm", "QMoE",
    ]

    // MARK: Weights

    private static func weights(
        _ model: ONNXModel, folder: String, readsNarrow: Bool
    ) throws(FormatError) -> (readable: [String: Tensor], unreadable: [String: FormatError], external: [String: Bytes])
    {
        var files = ExternalFiles(folder: folder)
        let tensors = model.initializers.filter(\.isExternal)
        let byLocation = Dictionary(grouping: tensors) { $0.external["location"] ?? "" }
        for (location, tensors) in byLocation.sorted(by: { $0.key < $1.key }) {
            try files.open(location, for: tensors)
        }
        var weights: [String: Tensor] = [:]
        var unreadable: [String: FormatError] = [:]
        var external: [String: Bytes] = [:]
        for initializer in model.initializers {
            do throws(FormatError) {
                let narrow = readsNarrow ? NarrowInteger(rawValue: initializer.dataType) : nil
                weights[initializer.name] =
                    if let narrow { try floats(initializer, of: narrow, files) } else { try tensor(initializer, files) }
            } catch {
                guard error.isOfType else { throw error }
                unreadable[initializer.name] = error
            }
            guard initializer.isExternal else { continue }
            let type = initializer.dataType
            let width = ElementType(onnx: type)?.byteCount ?? Precision(rawValue: type)?.byteCount ?? 0
            let count = weights[initializer.name]?.shape.elementCount ?? 0
            external[initializer.name] = try files.region(of: initializer, byteCount: count * width)
        }
        return (weights, unreadable, external)
    }

    /// The tensor of a message: a view of the file, unless its elements are varints.
    ///
    /// - Throws: ``FormatError`` unless sizes, type and bytes agree.
    static func tensor(_ message: ONNXModel.TensorMessage, _ files: ExternalFiles?) throws(FormatError) -> Tensor {
        if let precision = Precision(rawValue: message.dataType) { return try widened(message, from: precision, files) }
        guard let type = ElementType(onnx: message.dataType) else {
            throw .unsupportedType(
                "tensor '\(message.name)' holds \(ElementType.name(onnx: message.dataType)): export the model in float32"
            )
        }
        let (shape, bytes) = try elements(
            of: message, bits: 8 * type.byteCount, files, typed: type == .float32 ? message.packed : nil)
        if let bytes {
            let storage = unsafe TensorStorage(borrowing: bytes.buffer, owner: bytes.file)
            return Tensor(type, shape, in: storage, byteOffset: 0)
        }
        let elements = type == .int64 ? message.int64s : type == .float32 ? [] : message.int32s
        guard elements.count == shape.elementCount else {
            throw .invalidONNX("tensor '\(message.name)' of shape \(shape) does not have as many elements as its shape")
        }
        do {
            switch type {
            case .float32: return try Tensor(zeros: shape)
            case .int64: return try Tensor(elements, shape)
            case .int32: return try Tensor(elements.map { Int32(truncatingIfNeeded: $0) }, shape)
            case .bool: return try Tensor(elements.map { $0 != 0 }, shape)
            }
        } catch {
            throw .memory(byteCount: error.byteCount)
        }
    }

    /// The shape of a message and the bytes of its elements, checked against each other.
    ///
    /// - Parameters:
    ///   - message: the tensor.
    ///   - bits: the bits of an element.
    ///   - files: the external files; nil where a tensor may not lie in one.
    ///   - typed: the bytes of a typed field, used when there are no others.
    /// - Returns: no bytes when the elements are varints.
    /// - Throws: ``FormatError`` unless sizes and bytes agree.
    static func elements(
        of message: ONNXModel.TensorMessage, bits: Int, _ files: ExternalFiles?, typed: Bytes? = nil
    ) throws(FormatError) -> (shape: Shape, bytes: Bytes?) {
        guard message.sizes.count <= Limits.rank else {
            throw .invalidONNX("tensor '\(message.name)' has \(message.sizes.count) axes")
        }
        let shape: Shape
        do { shape = try Shape(message.sizes.map(Int.init)) } catch {
            throw .invalidONNX("tensor '\(message.name)': \(error)")
        }
        let (bitCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: bits)
        let byteCount = bitCount / 8 + (bitCount % 8 == 0 ? 0 : 1)
        guard !overflow else { throw .invalidONNX("tensor '\(message.name)' declares more bytes than there are") }
        var bytes = message.raw ?? typed
        if message.isExternal {
            guard let files else { throw .invalidONNX("tensor '\(message.name)' may not lie in another file") }
            bytes = try files.region(of: message, byteCount: byteCount)
        }
        guard bytes.map({ $0.count == byteCount }) ?? true else {
            throw .invalidONNX(
                "tensor '\(message.name)' of shape \(shape) needs \(byteCount) bytes and has \(bytes?.count ?? 0)")
        }
        return (shape, bytes)
    }
}

extension ElementType {
    /// The numbers of the types in files that are read where they lie.
    static let allONNX = Set(Self.allCases.map(\.onnx))

    /// The element type that computes a type of ONNX, or nil. All floats are computed in float32.
    ///
    /// - SeeAlso: TensorProto.DataType in onnx.proto3
    init?(onnx type: Int64) {
        switch type {
        case 1, 10, 11, 16: self = .float32
        case 6: self = .int32
        case 7: self = .int64
        case 9: self = .bool
        default: return nil
        }
    }

    package static func name(onnx type: Int64) -> String {
        let names = [
            "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16",
            "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
        ]
        return names.indices.contains(Int(clamping: type)) ? names[Int(type)] : "type \(type)"
    }
}
