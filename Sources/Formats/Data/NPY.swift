import ByteText
import Compute

/// The header of a `.npy` file.
///
/// - SeeAlso: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NPYHeader {
    let type: StoredType
    let isSwapped: Bool
    let isFortranOrder: Bool
    let shape: Shape
    /// The offset of the first element.
    let dataOffset: Int

    /// The maximum length of a header, including the bytes before it.
    static let limit = 12 + 65536

    /// Parses a header.
    ///
    /// - Throws: ``FormatError`` naming the array; object arrays are rejected, since reading them runs code.
    init(_ file: RawSpan, key: String) throws(FormatError) {
        let head = file.extracting(first: Self.limit)
        // SAFETY: the offsets are those of the span's own bytes.
        let bytes = head.byteOffsets.map { unsafe head.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        func broken(_ what: String) -> FormatError { .data("array '\(key)': \(what)") }
        let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
        guard bytes.count >= 12, magic.indices.allSatisfy({ bytes[$0] == magic[$0] }) else {
            throw broken("not an .npy file")
        }
        let wide = bytes[6] >= 2
        var length = Int(bytes[8]) | Int(bytes[9]) << 8
        if wide { length |= Int(bytes[10]) << 16 | Int(bytes[11]) << 24 }
        let start = wide ? 12 : 10
        guard (1...3).contains(bytes[6]), start + length <= bytes.count else {
            throw broken("its header is damaged")
        }
        dataOffset = start + length
        let text = bytes[start..<(start + length)]

        guard let descriptor = Self.value(of: "descr", in: text)?.split(separator: UInt8(ascii: "'")).first,
            let order = Self.value(of: "fortran_order", in: text), let sizes = Self.value(of: "shape", in: text)
        else { throw broken("its header lacks 'descr', 'fortran_order' or 'shape'") }
        if descriptor.last == UInt8(ascii: "O") { throw .objects(key) }
        guard let type = StoredType(rawValue: Self.string(descriptor.drop { "<>|=".utf8.contains($0) })) else {
            throw .unsupportedType("array '\(key)' holds '\(Self.string(descriptor))': save it as float32 or int64")
        }
        self.type = type
        isSwapped = descriptor.first == UInt8(ascii: ">")
        isFortranOrder = order.starts(with: "True".utf8)
        var dimensions: [Int] = []
        let tuple = sizes.prefix { $0 != UInt8(ascii: ")") }
        for part in tuple.split(whereSeparator: { "(), ".utf8.contains($0) }).map(Self.string) {
            guard part.isDigits, let size = Int(part), dimensions.count < NPZ.Limits.rank else {
                throw broken("its shape is '\(Self.string(sizes.prefix(60)))'")
            }
            dimensions.append(size)
        }
        do { shape = try Shape(dimensions) } catch { throw broken("\(error)") }
    }

    /// The text after `'name':` in the Python literal.
    private static func value(of name: String, in text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let start = text.firstRange(of: "'\(name)':".utf8) else { return nil }
        return text[start.upperBound...].drop { $0 == UInt8(ascii: " ") }
    }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The size of the elements in bytes, or nil when it overflows.
    var byteCount: Int? {
        let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        return overflow ? nil : count
    }
}
