import Compute

/// The header of a `.npy` file.
///
/// - SeeAlso: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NPYHeader {
    let type: StoredType
    let isSwapped: Bool
    let isFortranOrder: Bool
    let shape: Shape
    /// Where the elements begin.
    let dataOffset: Int

    /// The longest header, with what is before it.
    static let limit = 12 + 65536

    /// - Throws: ``FormatError`` naming the array; object arrays are refused, since reading them runs code.
    init(_ file: RawSpan, key: String) throws(FormatError) {
        let head = file.extracting(first: Self.limit)
        // SAFETY: the offsets are those of the span's own bytes.
        let bytes = head.byteOffsets.map { unsafe head.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        func broken(_ what: String) -> FormatError { .data("array '\(key)': \(what)") }
        let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
        guard bytes.count >= 12, magic.indices.allSatisfy({ bytes[$0] == magic[$0] }) else {
            throw broken("it is no .npy file")
        }
        let wide = bytes[6] >= 2
        var length = Int(bytes[8]) | Int(bytes[9]) << 8
        if wide { length |= Int(bytes[10]) << 16 | Int(bytes[11]) << 24 }
        let start = wide ? 12 : 10
        guard (1...3).contains(bytes[6]), start + length <= bytes.count else {
            throw broken("its header is damaged")
        }
        dataOffset = start + length
        var text = ""
        for index in start..<(start + length) { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }

        guard let descriptor = Self.value(of: "descr", in: text)?.split(separator: "'").first.map(String.init),
            let order = Self.value(of: "fortran_order", in: text), let sizes = Self.value(of: "shape", in: text)
        else { throw broken("its header lacks 'descr', 'fortran_order' or 'shape'") }
        if descriptor.hasSuffix("O") { throw .pickle }
        guard let type = StoredType(rawValue: String(descriptor.drop { "<>|=".contains($0) })) else {
            throw .unsupportedType("array '\(key)' holds '\(descriptor)': save it as float32 or int64")
        }
        self.type = type
        isSwapped = descriptor.hasPrefix(">")
        isFortranOrder = order.hasPrefix("True")
        var dimensions: [Int] = []
        for part in sizes.prefix(while: { $0 != ")" }).split(whereSeparator: { "(), ".contains($0) }) {
            guard part.utf8.allSatisfy({ (48...57).contains($0) }), let size = Int(part),
                dimensions.count < NPZ.Limits.rank
            else {
                throw broken("its shape is '\(sizes.prefix(60))'")
            }
            dimensions.append(size)
        }
        do { shape = try Shape(dimensions) } catch { throw broken("\(error)") }
    }

    /// What follows `'name':` in the Python literal.
    private static func value(of name: String, in text: String) -> Substring? {
        guard let start = text.firstRange(of: "'\(name)':") else { return nil }
        return text[start.upperBound...].drop { $0 == " " }
    }

    /// Bytes of the elements, or nil when there are more than memory has addresses.
    var byteCount: Int? {
        let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        return overflow ? nil : count
    }
}
