/// Comparison and splitting of text from outside, byte by byte.
///
/// Swift compares `Character`s, and text by canonical equivalence: U+0600 before `<` forms one `Character` with it and
/// hides the `<`, and U+212A (the Kelvin sign) equals `K`. Text from a file, a client or a job process is compared,
/// split and quoted with these members, because the programs that read it next also work on bytes.
extension StringProtocol {
    /// The text with ASCII letters in lower case and every other scalar unchanged.
    package var asciiLowercased: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    /// Returns whether both texts have the same bytes.
    package func hasBytes(of other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Returns whether the text begins with the bytes of the prefix.
    package func startsWithBytes(of prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Returns whether the text ends with the bytes of the suffix.
    package func endsWithBytes(of suffix: some StringProtocol) -> Bool {
        utf8.reversed().starts(with: suffix.utf8.reversed())
    }

    /// Returns whether the bytes of the part occur in the text; true for an empty part.
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

    /// Splits the text at a separator.
    ///
    /// - Parameters:
    ///   - separator: an ASCII byte, so that no scalar is cut apart
    ///   - maxSplits: the maximum number of cuts; the last piece holds the rest
    ///   - keepsEmpty: whether empty pieces are returned
    /// - Returns: the pieces in order
    package func splitBytes(at separator: UInt8, maxSplits: Int = .max, keepsEmpty: Bool = false) -> [String] {
        utf8.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: !keepsEmpty)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The text before the first occurrence of a byte, or all of it when there is none.
    package func bytes(before byte: UInt8) -> String { String(decoding: utf8.prefix { $0 != byte }, as: UTF8.self) }

    /// The text without its first `count` bytes; the cut must be between scalars.
    package func dropBytes(_ count: Int) -> String { String(decoding: utf8.dropFirst(count), as: UTF8.self) }

    /// The text without leading and trailing spaces and tabs.
    package var trimmedBlanks: String {
        let start = utf8.drop { $0 == 0x20 || $0 == 0x09 }
        let rest = start.reversed().drop { $0 == 0x20 || $0 == 0x09 }
        return String(decoding: rest.reversed(), as: UTF8.self)
    }

    /// The text with ASCII letters in upper case and every other scalar unchanged.
    package var asciiUppercased: String {
        String(decoding: utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }, as: UTF8.self)
    }

    /// True when the text is one or more decimal digits.
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
