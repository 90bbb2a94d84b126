/// Builds a small protobuf message.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ number: Int, _ value: Int64) {
        append(UInt64(number) << 3)
        append(UInt64(bitPattern: value))
    }

    mutating func string(_ number: Int, _ text: String) { message(number, Array(text.utf8)) }

    mutating func message(_ number: Int, _ content: [UInt8]) {
        bytes += Self.head(number, byteCount: content.count)
        bytes += content
    }

    /// The tag and length of a field of `byteCount` bytes.
    static func head(_ number: Int, byteCount: Int) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.append(UInt64(number) << 3 | 2)
        writer.append(UInt64(byteCount))
        return writer.bytes
    }

    private mutating func append(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
