package import Compute

extension Safetensors {
    /// Writes tensors, the widest elements first, and metadata, both sorted by name: equal contents give equal bytes, and
    /// each tensor lies at a multiple of the size of its elements.
    ///
    /// - Throws: ``FormatError/unwritable(_:reason:)``, after removing the temporary file.
    package static func write(
        _ tensors: [String: Tensor], metadata: [String: String] = [:], to path: String
    ) throws(FormatError) {
        let sorted = tensors.sorted { ($1.value.type.byteCount, $0.key) < ($0.value.type.byteCount, $1.key) }
        var members: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
        }
        var end = 0
        for (name, tensor) in sorted {
            let (begin, sizes) = (end, tensor.shape.dimensions.map(String.init).joined(separator: ","))
            end += tensor.byteCount
            members.append(
                "\(quoted(name)):{\"dtype\":\"\(tensor.type.safetensorsName)\",\"shape\":[\(sizes)],"
                    + "\"data_offsets\":[\(begin),\(end)]}")
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        // Aligns the tensors, so that they can be read in place.
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        try OutputFile.write([.bytes(length + header)] + sorted.map { .tensor($0.value) }, to: path)
    }

    /// The text as a JSON string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension ElementType {
    fileprivate var safetensorsName: String {
        switch self {
        case .float32: "F32"
        case .int64: "I64"
        case .int32: "I32"
        case .bool: "BOOL"
        }
    }
}
