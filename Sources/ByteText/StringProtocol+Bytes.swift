/// Text from outside, looked at byte by byte.
///
/// Swift compares `Character`s, and text by canonical equivalence: U+0600 before `<` makes one `Character` of both, which hides
/// the `<`, and U+212A (the Kelvin sign) is equal to `K`. What a file, a client or a job's process sent is compared, split and
/// quoted by these instead, because programs that read it next look at bytes as well.
extension StringProtocol {
    /// The text with `A` to `Z` in lower case, and every other scalar as it is.
    package var asciiLowercased: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    /// Whether the two texts are the same bytes.
    package func hasBytes(of other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Whether the text begins with the bytes of the prefix.
    package func startsWithBytes(of prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether the text ends with the bytes of the suffix.
    package func endsWithBytes(of suffix: some StringProtocol) -> Bool {
        utf8.reversed().starts(with: suffix.utf8.reversed())
    }

    /// Whether the bytes of the part occur in the text; those of an empty part do.
    package func containsBytes(of part: some StringProtocol) -> Bool {
        let wanted = Array(part.utf8)
        guard let first = wanted.first else { return true }
        var rest = utf8[...]
        while let start = rest.firstIndex(of: first) {
            rest = rest[start...]
            if rest.starts(with: wanted) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    /// The pieces of the text between separators.
    ///
    /// - Parameters:
    ///   - separator: an ASCII byte, so that no scalar is cut apart
    ///   - maxSplits: at most so many cuts; the rest stays in the last piece
    ///   - keepsEmpty: whether pieces of no bytes are among the result
    /// - Returns: the pieces in their order
    package func splitBytes(at separator: UInt8, maxSplits: Int = .max, keepsEmpty: Bool = false) -> [String] {
        utf8.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: !keepsEmpty)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The text up to a byte, or all of it without one.
    package func bytes(before byte: UInt8) -> String {
        String(decoding: utf8.prefix { $0 != byte }, as: UTF8.self)
    }

    /// The text behind its first bytes; cut between scalars.
    package func dropBytes(_ count: Int) -> String { String(decoding: utf8.dropFirst(count), as: UTF8.self) }

    /// The text without spaces and tabs at its ends.
    package var trimmedBlanks: String {
        let start = utf8.drop { $0 == 0x20 || $0 == 0x09 }
        let rest = start.reversed().drop { $0 == 0x20 || $0 == 0x09 }
        return String(decoding: rest.reversed(), as: UTF8.self)
    }

    /// The text with the ASCII letters `a` to `z` in upper case, and every other scalar as it is.
    package var asciiUppercased: String {
        String(decoding: utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }, as: UTF8.self)
    }

    /// Whether the text is one or more decimal digits.
    package var isDigits: Bool { !utf8.isEmpty && utf8.allSatisfy { (0x30...0x39).contains($0) } }
}

extension UInt8 {
    /// The value of a hexadecimal digit; nil for any other byte.
    package var hexadecimalDigit: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}
