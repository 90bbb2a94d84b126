/// A range of a mapped file, which messages and weights refer to without a copy.
package struct Bytes: Sendable {
    package let file: MappedFile
    package let range: Range<Int>

    package var count: Int { range.count }
    subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < count, "a byte lies inside the whole")
        return unsafe file.bytes[range.lowerBound + offset]
    }
    var buffer: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: file.bytes[range]) }
    var string: String { unsafe String(decoding: buffer, as: UTF8.self) }

    /// The bytes as little-endian float32 numbers, at any alignment.
    var floats: [Float] {
        (0..<(count / 4)).map { index in
            unsafe Float(
                bitPattern: UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
    }

    func part(_ part: Range<Int>) -> Bytes {
        precondition(part.lowerBound >= 0 && part.upperBound <= count, "a part lies inside the whole")
        return Bytes(file: file, range: (range.lowerBound + part.lowerBound)..<(range.lowerBound + part.upperBound))
    }
}

/// Reads the fields of one protobuf message in place.
///
/// - SeeAlso: protobuf.dev/programming-guides/encoding
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(Bytes)
        case fixed32(UInt32)
    }

    struct Field {
        let number: Int
        let value: Value
        /// The bytes of the field with its tag.
        let encoded: Bytes
    }

    let message: Bytes
    private var offset = 0

    init(_ message: Bytes) { self.message = message }

    /// Reads the next field.
    ///
    /// - Returns: nil after the last field.
    /// - Throws: ``FormatError/invalidONNX(_:)`` for bytes that do not encode a field.
    mutating func next() throws(FormatError) -> Field? {
        guard offset < message.count else { return nil }
        let start = offset
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw broken("a field number of \(tag >> 3)") }
        let value: Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(try fixed(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(message.count - offset) else {
                throw broken("a field of \(length) bytes where \(message.count - offset) are left")
            }
            value = .bytes(message.part(offset..<(offset + Int(length))))
            offset += Int(length)
        case 5: value = .fixed32(UInt32(truncatingIfNeeded: try fixed(4)))
        default: throw broken("wire type \(tag & 7)")
        }
        return Field(number: Int(tag >> 3), value: value, encoded: message.part(start..<offset))
    }

    /// The varints of a packed field.
    static func packed(_ bytes: Bytes) throws(FormatError) -> [Int64] {
        var reader = ProtobufReader(bytes)
        var values: [Int64] = []
        while reader.offset < bytes.count { values.append(Int64(bitPattern: try reader.varint())) }
        return values
    }

    private mutating func varint() throws(FormatError) -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < message.count else { throw broken("the end inside a number") }
            let byte = message[offset]
            offset += 1
            guard shift < 63 || byte <= 1 else { break }
            result |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return result }
        }
        throw broken("a number of more than 64 bits")
    }

    private mutating func fixed(_ count: Int) throws(FormatError) -> UInt64 {
        guard count <= message.count - offset else { throw broken("the end inside a number") }
        var result: UInt64 = 0
        for index in 0..<count { result |= UInt64(message[offset + index]) << UInt64(8 * index) }
        offset += count
        return result
    }

    private func broken(_ what: String) -> FormatError {
        .invalidONNX("byte \(message.range.lowerBound + offset): \(what): the file is damaged or not ONNX")
    }
}
