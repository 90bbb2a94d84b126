import ByteText

/// The part of a representation that a request selects (RFC 9110 §14).
package enum ByteRange: Hashable, Sendable {
    /// The whole representation, also when the header is unusable or has several ranges, which may be ignored (§14.2).
    case whole
    case part(Range<Int>)
    case unsatisfiable

    /// - Parameters:
    ///   - value: the value of the header `Range`
    ///   - length: the length of the representation in bytes
    package init(_ value: String, length: Int) {
        self = .whole
        let bytes = Array(value.utf8)
        guard String(decoding: bytes.prefix(6), as: UTF8.self).asciiLowercased == "bytes=" else { return }
        // Blanks may surround a member of the list (RFC 9110 §5.6.1), but not occur inside it.
        let range = Array(String(decoding: bytes.dropFirst(6), as: UTF8.self).trimmedBlanks.utf8)
        guard let hyphen = range.firstIndex(of: UInt8(ascii: "-")) else { return }
        let (first, last) = (range[..<hyphen], range[(hyphen + 1)...])
        guard first.allSatisfy(\.isDigit), last.allSatisfy(\.isDigit), !(first.isEmpty && last.isEmpty) else { return }
        // A number that does not fit is past every end.
        let start = Digits.decimal(first) ?? .max
        let end = Digits.decimal(last) ?? .max
        if first.isEmpty {
            let count = min(end, length)
            self = count > 0 ? .part(length - count..<length) : .unsatisfiable
            return
        }
        if !last.isEmpty, Self.isGreater(first, last) { return }
        guard start < length else {
            self = .unsatisfiable
            return
        }
        // `end` is inclusive.
        self = .part(start..<(last.isEmpty || end >= length - 1 ? length : end + 1))
    }

    /// Compares two decimal numbers of any length.
    private static func isGreater(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        let zero = UInt8(ascii: "0")
        let (left, right) = (left.drop { $0 == zero }, right.drop { $0 == zero })
        return left.count == right.count ? right.lexicographicallyPrecedes(left) : left.count > right.count
    }
}
