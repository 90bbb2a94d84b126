import ByteText
import Compute
import Model

extension ONNXDocument {
    /// The size from which tensors are written to an external file: protobuf ends at 2 GiB.
    static let inlineByteLimit = 1_800_000_000
    /// The size below which a tensor is kept in the model even then, as in PyTorch.
    private static let externalThreshold = 1024

    /// Writes the edited document to a temporary file beside `path`, makes it durable, and renames it.
    ///
    /// External data are written to a file named after `path` if the document has external data or would be too large
    /// without.
    ///
    /// - Parameters:
    ///   - edit: the changes; an empty edit gives the same bytes.
    ///   - path: the path of the new model.
    /// - Returns: the paths of the files that were written, the model first.
    /// - Throws: ``FormatError/unwritable(_:reason:)``, for example when the disk is full.
    @discardableResult
    package func write(_ edit: ONNXEdit, to path: String) throws(FormatError) -> [String] {
        let (parts, external) = parts(edit, external: externalFile(edit, path))
        guard let external else {
            try OutputFile.write(parts, to: path)
            return [path]
        }
        let externalPath = path.utf8.contains(UInt8(ascii: "/")) ? path.folder + "/" + external.name : external.name
        try OutputFile.write(external.parts, to: externalPath)
        try OutputFile.write(parts, to: path)
        return [path, externalPath]
    }

    /// The bytes of all files that ``write(_:to:)`` would write.
    ///
    /// - Parameters:
    ///   - edit: the changes.
    ///   - path: the path of the new model, whose name is in a file with external data.
    /// - Returns: the number of bytes.
    package func byteCount(_ edit: ONNXEdit, at path: String) -> Int {
        let (parts, external) = parts(edit, external: externalFile(edit, path))
        return (parts + (external?.parts ?? [])).reduce(0) { $0 + $1.byteCount }
    }

    /// The parts of the model file and of the file beside it.
    ///
    /// - Parameters:
    ///   - edit: the changes.
    ///   - external: the name of the file for large tensors; nil where the model holds them.
    /// - Returns: the parts of the model, and the name and the parts of the file beside it, if there is one.
    func parts(_ edit: ONNXEdit, external: String?) -> ([Part], external: (name: String, parts: [Part])?) {
        if edit.isEmpty, external == nil, externalBytes.isEmpty {
            return ([.file(Bytes(file: model.file, range: 0..<model.file.byteCount))], nil)
        }
        var layout = Layout(external: external)
        let graph = graphParts(edit, &layout)
        var parts: [Part] = []
        let replaced = Set(edit.metadata.map(\.key))
        for field in model.modelFields {
            switch field {
            case .graph:
                parts.append(.bytes(ProtobufWriter.head(7, byteCount: graph.reduce(0) { $0 + $1.byteCount })))
                parts += graph
            case .metadata(let key, let encoded):
                if !replaced.contains(key) { parts.append(.file(encoded)) }
            case .other(let encoded): parts.append(.file(encoded))
            }
        }
        for (key, value) in edit.metadata {
            var entry = ProtobufWriter()
            entry.string(1, key)
            entry.string(2, value)
            parts.append(.bytes(ProtobufWriter.head(14, byteCount: entry.bytes.count) + entry.bytes))
        }
        return (parts, external.map { ($0, layout.externalParts) })
    }

    /// The name of the file for large tensors, with the document's own suffix, or nil when the model holds them.
    private func externalFile(_ edit: ONNXEdit, _ path: String) -> String? {
        let kept = model.initializers.filter { !edit.removedInitializers.contains($0.name) }
        let size =
            kept.reduce(0) { $0 + (weights[$1.name]?.byteCount ?? 0) }
            + edit.newInitializers.reduce(0) { $0 + $1.byteCount }
        let location = model.initializers.first { $0.isExternal }?.external["location"]
        guard location != nil || size > Self.inlineByteLimit else { return nil }
        return path.fileName + (location?.endsWithBytes(of: "_data") == true ? "_data" : ".data")
    }

    private func graphParts(_ edit: ONNXEdit, _ layout: inout Layout) -> [Part] {
        var parts: [Part] = []
        let gone = Set(edit.removedNodes.flatMap { model.nodes[$0].outputs })
            .subtracting(edit.newNodes.values.joined().flatMap(\.outputs))
            .union(edit.removedInitializers).union(edit.resizedValues)
        var lastInitializer = 0
        for field in model.graphFields {
            switch field {
            case .node(let index):
                for node in edit.newNodes[index] ?? [] { parts.append(.bytes(node.encoded)) }
                if !edit.removedNodes.contains(index) { parts.append(.file(model.nodes[index].encoded)) }
                lastInitializer = parts.count
            case .initializer(let index):
                let message = model.initializers[index]
                if !edit.removedInitializers.contains(message.name) {
                    parts += initializer(message, changed: edit.changedInitializers[message.name], &layout)
                }
                lastInitializer = parts.count
            case .input(let index):
                let input = model.inputs[index]
                if !edit.removedInitializers.contains(input.name) { parts.append(.file(input.encoded)) }
            case .output(let index): parts.append(.file(model.outputs[index].encoded))
            case .valueInfo(let index):
                if !gone.contains(model.valueInfos[index].name) { parts.append(.file(model.valueInfos[index].encoded)) }
            case .other(let encoded): parts.append(.file(encoded))
            }
        }
        var new: [Part] = []
        for added in edit.newInitializers {
            new += layout.parts(added.part, described: .new(added))
        }
        parts.insert(contentsOf: new, at: lastInitializer)
        // Before IR version 4, initializers are inputs too; after the others, which may be fed by position.
        if model.irVersion < 4 {
            for added in edit.newInitializers { parts.append(.bytes(Self.input(added))) }
        }
        return parts
    }

    private func initializer(
        _ message: ONNXModel.TensorMessage, changed: Tensor?, _ layout: inout Layout
    ) -> [Part] {
        let precision = Precision(rawValue: message.dataType)
        if let changed { return layout.parts(changed, as: precision, described: .message(message)) }
        if message.isExternal, let bytes = externalBytes[message.name] {
            return layout.parts(.file(bytes), described: .message(message))
        }
        // A small tensor inside the model file is not changed.
        guard let tensor = weights[message.name], layout.external != nil, tensor.byteCount >= Self.externalThreshold
        else { return [.file(message.encoded)] }
        return layout.parts(tensor, as: precision, described: .message(message))
    }

    /// Encodes a field `input` of a graph.
    private static func input(_ added: ONNXEdit.NewInitializer) -> [UInt8] {
        var shape = ProtobufWriter()
        for size in added.shape.dimensions {
            var dimension = ProtobufWriter()
            dimension.varint(1, Int64(size))
            shape.message(1, dimension.bytes)
        }
        var tensor = ProtobufWriter()
        tensor.varint(1, added.dataType)
        tensor.message(2, shape.bytes)
        var kind = ProtobufWriter()
        kind.message(1, tensor.bytes)
        var value = ProtobufWriter()
        value.string(1, added.name)
        value.message(2, kind.bytes)
        return ProtobufWriter.head(11, byteCount: value.bytes.count) + value.bytes
    }

    /// Assigns tensors to the model or to the file beside it.
    private struct Layout {
        let external: String?
        var externalParts: [Part] = []
        private var offset = 0

        init(external: String?) { self.external = external }

        /// The alignment of tensors in external files, that of PyTorch, so that they can be mapped.
        private static let alignment = 4096

        /// The fields of a tensor message other than its elements.
        enum Description {
            case new(ONNXEdit.NewInitializer)
            /// The fields of an existing message, including unknown ones.
            case message(ONNXModel.TensorMessage)

            var head: [Part] {
                switch self {
                case .new(let added):
                    var message = ProtobufWriter()
                    for size in added.shape.dimensions { message.varint(1, Int64(size)) }
                    message.varint(2, added.dataType)
                    message.string(8, added.name)
                    return [.bytes(message.bytes)]
                case .message(let message): return message.fieldsWithoutElements.map(Part.file)
                }
            }
        }

        /// Encodes a field `initializer` of a graph from a tensor.
        mutating func parts(
            _ tensor: Tensor, as precision: Precision?, described description: Description
        ) -> [Part] {
            parts(precision.map { .bytes(tensor.narrowed(to: $0)) } ?? .tensor(tensor), described: description)
        }

        /// Encodes a field `initializer` of a graph from the bytes of its elements.
        mutating func parts(_ elements: Part, described description: Description) -> [Part] {
            var parts = description.head
            if let external, elements.byteCount >= ONNXDocument.externalThreshold {
                parts.append(.bytes(place(elements, in: external)))
            } else {
                parts += [.bytes(ProtobufWriter.head(9, byteCount: elements.byteCount)), elements]
            }
            let head = ProtobufWriter.head(5, byteCount: parts.reduce(0) { $0 + $1.byteCount })
            return [.bytes(head)] + parts
        }

        /// Appends elements to the external file.
        ///
        /// - Returns: the fields that locate it.
        private mutating func place(_ elements: Part, in external: String) -> [UInt8] {
            let padding = (Self.alignment - offset % Self.alignment) % Self.alignment
            externalParts += [.bytes([UInt8](repeating: 0, count: padding)), elements]
            offset += padding
            var message = ProtobufWriter()
            for (key, value) in [("location", external), ("offset", "\(offset)"), ("length", "\(elements.byteCount)")] {
                var entry = ProtobufWriter()
                entry.string(1, key)
                entry.string(2, value)
                message.message(13, entry.bytes)
            }
            message.varint(14, 1)
            offset += elements.byteCount
            return message.bytes
        }
    }
}

extension ONNXEdit.NewNode {
    /// The node as a field `node` of a graph.
    var encoded: [UInt8] {
        var node = ProtobufWriter()
        for input in inputs { node.string(1, input) }
        for output in outputs { node.string(2, output) }
        node.string(3, name)
        node.string(4, opType)
        for (key, value) in ints.sorted(by: { $0.key < $1.key }) {
            var attribute = ProtobufWriter()
            attribute.string(1, key)
            attribute.varint(3, value)
            attribute.varint(20, 2)
            node.message(5, attribute.bytes)
        }
        return ProtobufWriter.head(1, byteCount: node.bytes.count) + node.bytes
    }
}

extension ElementType {
    /// The number of the type in a file.
    ///
    /// - SeeAlso: TensorProto.DataType in onnx.proto3
    var onnx: Int64 {
        switch self {
        case .float32: 1
        case .int32: 6
        case .int64: 7
        case .bool: 9
        }
    }
}
