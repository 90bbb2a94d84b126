extension ONNXModel {
    /// Decodes the messages of a file. ``ONNXDocument`` checks their contents.
    ///
    /// - Throws: ``FormatError`` for bytes that are not a model.
    package init(_ file: MappedFile) throws(FormatError) {
        try Self.refuseOtherFormats(file)
        self.file = file
        var graph: Bytes?
        var reader = ProtobufReader(Bytes(file: file, range: 0..<file.byteCount))
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .varint(let version)): irVersion = Int64(bitPattern: version)
            case (2, .bytes(let name)): producer = name.string
            case (7, .bytes(let message)):
                guard graph == nil else { throw .invalidONNX("the file has two graphs") }
                graph = message
                modelFields.append(.graph)
                continue
            case (8, .bytes(let message)): opsets.append(try Opset(message))
            case (14, .bytes(let message)):
                let (key, value) = try Self.entry(message)
                metadata[key] = value
                modelFields.append(.metadata(key: key, field.encoded))
                try Self.limit(modelFields.count, of: "entries of metadata")
                continue
            case (25, .bytes(let message)):
                functions.append(try Function(message))
                try Self.limit(functions.count, of: "functions")
            default: break
            }
            try Self.limit(opsets.count, of: "operator sets")
            // Adjacent fields are joined, so that many small ones take no more memory than one large one.
            if case .other(let before) = modelFields.last, let joined = before.joined(with: field.encoded) {
                modelFields[modelFields.count - 1] = .other(joined)
            } else {
                modelFields.append(.other(field.encoded))
            }
        }
        guard let graph else { throw .invalidONNX("the file holds no graph: it is damaged or not ONNX") }
        try readGraph(graph)
    }

    /// Rejects formats that are uploaded by mistake, recognised by their first bytes.
    private static func refuseOtherFormats(_ file: MappedFile) throws(FormatError) {
        guard file.byteCount > 0 else { throw .invalidONNX("the file is empty") }
        let head = unsafe Array(file.bytes.prefix(4))
        // A zip from torch.save, or a pickle of protocol 2 to 5.
        if head == [0x50, 0x4B, 3, 4] || head.count > 1 && head[0] == 0x80 && (2...5).contains(head[1]) {
            throw .pickle
        }
    }

    /// Checks a count of messages, since each takes memory.
    ///
    /// - Throws: ``FormatError/tooLarge(_:)`` for more than a real model has.
    fileprivate static func limit(_ count: Int, of what: String) throws(FormatError) {
        guard count <= ONNXDocument.Limits.messages else { throw .tooLarge("the file has too many \(what)") }
    }

    private mutating func readGraph(_ message: Bytes) throws(FormatError) {
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let message)):
                graphFields.append(.node(nodes.count))
                nodes.append(try Node(message, field.encoded, depth: 0))
            case (5, .bytes(let message)):
                graphFields.append(.initializer(initializers.count))
                initializers.append(try TensorMessage(message, field.encoded))
            case (11, .bytes(let message)):
                graphFields.append(.input(inputs.count))
                inputs.append(try ValueInfo(message, field.encoded))
            case (12, .bytes(let message)):
                graphFields.append(.output(outputs.count))
                outputs.append(try ValueInfo(message, field.encoded))
            case (13, .bytes(let message)):
                graphFields.append(.valueInfo(valueInfos.count))
                valueInfos.append(try ValueInfo(message, field.encoded))
            case (15, .bytes):
                throw .unsupportedType("the file has sparse initializers: store them dense")
            default:
                if case .other(let before) = graphFields.last, let joined = before.joined(with: field.encoded) {
                    graphFields[graphFields.count - 1] = .other(joined)
                } else {
                    graphFields.append(.other(field.encoded))
                }
            }
            try Self.limit(graphFields.count, of: "nodes, tensors and values")
        }
    }

    fileprivate static func entry(_ message: Bytes) throws(FormatError) -> (key: String, value: String) {
        var (key, value) = ("", "")
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            guard case .bytes(let text) = field.value else { continue }
            if field.number == 1 { key = text.string }
            if field.number == 2 { value = text.string }
        }
        return (key, value)
    }
}

extension Bytes {
    /// The union of both, or nil if `next` does not begin at the end of this.
    fileprivate func joined(with next: Bytes) -> Bytes? {
        guard next.range.lowerBound == range.upperBound else { return nil }
        return Bytes(file: file, range: range.lowerBound..<next.range.upperBound)
    }
}

extension ONNXModel.Opset {
    fileprivate init(_ message: Bytes) throws(FormatError) {
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let name)): domain = name.string == "ai.onnx" ? "" : name.string
            case (2, .varint(let number)): version = Int(truncatingIfNeeded: Int64(bitPattern: number))
            default: break
            }
        }
    }
}

extension ONNXModel.Node {
    /// The maximum nesting of subgraphs, whose readers are recursive.
    private static let depthLimit = 8

    /// Decodes a node that is nested in `depth` subgraphs.
    fileprivate init(_ message: Bytes, _ encoded: Bytes, depth: Int) throws(FormatError) {
        guard depth <= Self.depthLimit else { throw .tooLarge("the file has too many graphs in each other") }
        self.encoded = encoded
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            guard case .bytes(let bytes) = field.value else { continue }
            switch field.number {
            case 1: inputs.append(bytes.string)
            case 2: outputs.append(bytes.string)
            case 3: name = bytes.string
            case 4: opType = bytes.string
            case 5:
                let (key, value) = try Self.attribute(bytes, depth: depth)
                attributes[key] = value
            case 7: domain = bytes.string == "ai.onnx" ? "" : bytes.string
            case 8: overload = bytes.string
            case 9:
                let (key, value) = try ONNXModel.entry(bytes)
                metadata[key] = value
            default: break
            }
        }
    }

    fileprivate static func attribute(
        _ message: Bytes, depth: Int
    ) throws(FormatError) -> (String, ONNXModel.Attribute) {
        var (name, value) = ("", ONNXModel.Attribute.other)
        var (floats, ints, strings): ([Float], [Int64], [String]) = ([], [], [])
        var kind: UInt64 = 0
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): name = text.string
            case (2, .fixed32(let bits)): value = .float(Float(bitPattern: bits))
            case (3, .varint(let number)): value = .int(Int64(bitPattern: number))
            case (4, .bytes(let text)): value = .string(text.string)
            case (5, .bytes(let tensor)): value = .tensor(try ONNXModel.TensorMessage(tensor, field.encoded))
            case (6, .bytes(let graph)): value = .graph(try ONNXModel.Subgraph(graph, depth: depth + 1))
            case (21, .bytes(let text)): value = .reference(text.string)
            case (7, .fixed32(let bits)): floats.append(Float(bitPattern: bits))
            case (7, .bytes(let packed)): floats += packed.floats
            case (8, .varint(let number)): ints.append(Int64(bitPattern: number))
            case (8, .bytes(let packed)): ints += try ProtobufReader.packed(packed)
            case (9, .bytes(let text)): strings.append(text.string)
            case (20, .varint(let number)): kind = number
            default: break
            }
        }
        if case .reference = value { return (name, value) }
        if kind == 6 || !floats.isEmpty { value = .floats(floats) }
        if kind == 7 || !ints.isEmpty { value = .ints(ints) }
        if kind == 8 || !strings.isEmpty { value = .strings(strings) }
        // A zero may be left out of the file: only the declared type tells it from a missing value.
        if case .other = value, kind == 1 { value = .float(0) }
        if case .other = value, kind == 2 { value = .int(0) }
        if case .other = value, kind == 3 { value = .string("") }
        return (name, value)
    }
}

extension ONNXModel.Subgraph {
    fileprivate init(_ message: Bytes, depth: Int) throws(FormatError) {
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            guard case .bytes(let bytes) = field.value else { continue }
            switch field.number {
            case 1: nodes.append(try ONNXModel.Node(bytes, field.encoded, depth: depth))
            case 5: initializers.append(try ONNXModel.TensorMessage(bytes, field.encoded))
            case 11: inputs.append(try ONNXModel.ValueInfo(bytes, field.encoded).name)
            case 12: outputs.append(try ONNXModel.ValueInfo(bytes, field.encoded).name)
            default: break
            }
            try ONNXModel.limit(nodes.count + initializers.count + inputs.count, of: "nodes in a graph of a node")
        }
    }
}

extension ONNXModel.Function {
    fileprivate init(_ message: Bytes) throws(FormatError) {
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            guard case .bytes(let bytes) = field.value else { continue }
            switch field.number {
            case 1: name = bytes.string
            case 4: inputs.append(bytes.string)
            case 5: outputs.append(bytes.string)
            case 7: nodes.append(try ONNXModel.Node(bytes, field.encoded, depth: 0))
            case 9: opsets.append(try ONNXModel.Opset(bytes))
            case 10: domain = bytes.string == "ai.onnx" ? "" : bytes.string
            case 11:
                let (key, value) = try ONNXModel.Node.attribute(bytes, depth: 0)
                defaults[key] = value
            case 13: overload = bytes.string
            default: break
            }
            try ONNXModel.limit(nodes.count + inputs.count + opsets.count, of: "nodes in a function")
        }
    }
}

extension ONNXModel.TensorMessage {
    init(_ message: Bytes, _ encoded: Bytes) throws(FormatError) {
        self.encoded = encoded
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .varint(let size)): sizes.append(Int64(bitPattern: size))
            case (1, .bytes(let list)): sizes += try ProtobufReader.packed(list)
            case (2, .varint(let type)): dataType = Int64(bitPattern: type)
            case (4, .bytes(let list)): packed = list
            case (5, .bytes(let list)): int32s += try ProtobufReader.packed(list)
            case (5, .varint(let number)): int32s.append(Int64(bitPattern: number))
            case (7, .bytes(let list)): int64s += try ProtobufReader.packed(list)
            case (7, .varint(let number)): int64s.append(Int64(bitPattern: number))
            case (8, .bytes(let text)): name = text.string
            case (9, .bytes(let bytes)): raw = bytes
            case (10, .bytes(let list)): doubles += (0..<list.count).map { list[$0] }
            case (10, .fixed64(let bits)): doubles += (0..<8).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
            case (13, .bytes(let message)):
                let (key, value) = try ONNXModel.entry(message)
                external[key] = value
            case (14, .varint(let location)): isExternal = location == 1
            default: break
            }
            // These fields hold the elements: typed, raw or external.
            if [4, 5, 6, 7, 9, 10, 11, 13, 14].contains(field.number) { continue }
            if let before = fieldsWithoutElements.last, let joined = before.joined(with: field.encoded) {
                fieldsWithoutElements[fieldsWithoutElements.count - 1] = joined
            } else {
                fieldsWithoutElements.append(field.encoded)
            }
        }
    }
}

extension ONNXModel.ValueInfo {
    fileprivate init(_ message: Bytes, _ encoded: Bytes) throws(FormatError) {
        self.encoded = encoded
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): name = text.string
            case (2, .bytes(let type)):
                var types = ProtobufReader(type)
                while let field = try types.next() {
                    if field.number == 1, case .bytes(let tensor) = field.value { try readTensorType(tensor) }
                }
            default: break
            }
        }
    }

    private mutating func readTensorType(_ message: Bytes) throws(FormatError) {
        var reader = ProtobufReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .varint(let type)): elementType = Int64(bitPattern: type)
            case (2, .bytes(let message)):
                var sizes: [ONNXModel.Dimension] = []
                var dimensions = ProtobufReader(message)
                while let field = try dimensions.next() {
                    guard field.number == 1, case .bytes(let dimension) = field.value else { continue }
                    guard sizes.count < ONNXDocument.Limits.rank else {
                        throw .invalidONNX("value '\(name)' has more than \(ONNXDocument.Limits.rank) axes")
                    }
                    var size = ONNXModel.Dimension.symbol("")
                    var parts = ProtobufReader(dimension)
                    while let part = try parts.next() {
                        switch (part.number, part.value) {
                        case (1, .varint(let number)): size = .size(Int64(bitPattern: number))
                        case (2, .bytes(let text)): size = .symbol(text.string)
                        default: break
                        }
                    }
                    sizes.append(size)
                }
                shape = sizes
            default: break
            }
        }
    }
}
