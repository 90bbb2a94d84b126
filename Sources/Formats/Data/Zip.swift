struct ZipEntry {
    let name: String
    let method: UInt16
    let range: Range<Int>
    let size: Int
    let checksum: Int

    func data(in file: MappedFile) -> Bytes { Bytes(file: file, range: range) }
}

/// The entries of a zip file from its central directory; local headers only locate the bytes.
struct ZipDirectory {
    private(set) var entries: [ZipEntry] = []

    init(_ file: MappedFile) throws(FormatError) {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        func broken(_ what: String) -> FormatError { .data("truncated or corrupt .npz: \(what)") }
        guard let end = bytes.lastIndex(of: 0x0605_4B50, within: 65_557) else {
            throw broken("the list of its arrays is missing")
        }
        var count = Int(bytes.number(2, at: end + 10))
        var offset = Int(bytes.number(4, at: end + 16))
        if count == 0xFFFF || offset == 0xFFFF_FFFF, end >= 20, bytes.number(4, at: end - 20) == 0x0706_4B50 {
            let wide = Int(clamping: bytes.number(8, at: end - 12))
            guard wide <= bytes.count - 56, bytes.number(4, at: wide) == 0x0606_4B50 else {
                throw broken("its end is damaged")
            }
            count = Int(clamping: bytes.number(8, at: wide + 32))
            offset = Int(clamping: bytes.number(8, at: wide + 48))
        }
        guard count <= NPZ.Limits.entries else { throw FormatError.tooLarge("the data file has \(count) arrays") }
        for _ in 0..<count {
            guard offset <= bytes.count - 46, bytes.number(4, at: offset) == 0x0201_4B50 else {
                throw broken("the list of its arrays is damaged")
            }
            let nameLength = Int(bytes.number(2, at: offset + 28))
            let extraLength = Int(bytes.number(2, at: offset + 30))
            let commentLength = Int(bytes.number(2, at: offset + 32))
            guard offset + 46 + nameLength + extraLength + commentLength <= bytes.count else {
                throw broken("the list of its arrays is cut off")
            }
            let name = bytes.part((offset + 46)..<(offset + 46 + nameLength)).string
            guard bytes.number(2, at: offset + 8) & 1 == 0 else { throw broken("'\(name)' is encrypted") }
            var fields = [
                bytes.number(4, at: offset + 24), bytes.number(4, at: offset + 20), bytes.number(4, at: offset + 42),
            ]
            bytes.widen(&fields, extra: (offset + 46 + nameLength)..<(offset + 46 + nameLength + extraLength))
            let (size, stored, local) = (Int(clamping: fields[0]), Int(clamping: fields[1]), Int(clamping: fields[2]))
            guard local <= bytes.count - 30, bytes.number(4, at: local) == 0x0403_4B50 else {
                throw broken("'\(name)' is not where the list says")
            }
            let start = local + 30 + Int(bytes.number(2, at: local + 26)) + Int(bytes.number(2, at: local + 28))
            guard start <= bytes.count, stored <= bytes.count - start else { throw broken("'\(name)' is cut off") }
            let method = UInt16(bytes.number(2, at: offset + 10))
            guard method != 0 || stored == size else { throw broken("'\(name)' has two sizes") }
            // Deflate compresses at most 1032 to 1: a larger ratio is false.
            guard size / 1100 <= stored else {
                throw FormatError.tooLarge("'\(name)' claims to be \(size) bytes in \(stored)")
            }
            entries.append(
                ZipEntry(
                    name: name, method: method, range: start..<(start + stored), size: size,
                    checksum: Int(bytes.number(4, at: offset + 16))))
            offset += 46 + nameLength + extraLength + commentLength
        }
        let places = entries.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
        for (one, next) in zip(places, places.dropFirst()) where one.upperBound > next.lowerBound {
            throw broken("two arrays share bytes")
        }
    }
}

extension Bytes {
    fileprivate func number(_ width: Int, at offset: Int) -> UInt64 {
        var result: UInt64 = 0
        for index in 0..<width { result |= UInt64(self[offset + index]) << UInt64(8 * index) }
        return result
    }

    fileprivate func lastIndex(of signature: UInt64, within reach: Int) -> Int? {
        guard count >= 22 else { return nil }
        return stride(from: count - 22, through: max(0, count - reach), by: -1).first { number(4, at: $0) == signature }
    }

    /// Replaces full fields by those of the ZIP64 extra field, which has only these, in this order.
    fileprivate func widen(_ fields: inout [UInt64], extra: Range<Int>) {
        var offset = extra.lowerBound
        while offset + 4 <= extra.upperBound {
            let (kind, length) = (number(2, at: offset), Int(number(2, at: offset + 2)))
            var place = offset + 4
            let end = min(place + length, extra.upperBound)
            if kind == 1 {
                for index in fields.indices where fields[index] == 0xFFFF_FFFF && place + 8 <= end {
                    fields[index] = number(8, at: place)
                    place += 8
                }
            }
            offset = end
        }
    }
}
