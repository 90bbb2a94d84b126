import ByteText

/// Which part of a representation is asked for (RFC 9110 §14).
package enum ByteRange: Hashable, Sendable {
    /// All of it: nothing usable was asked, or more than one part, which may be ignored (§14.2).
    case whole
    case part(Range<Int>)
    case unsatisfiable

    /// - Parameters:
    ///   - value: of the header `Range`
    ///   - length: of the representation
    package init(_ value: String, length: Int) {
        self = .whole
        let bytes = Array(value.utf8)
        guard String(decoding: bytes.prefix(6), as: UTF8.self).asciiLowercased == "bytes=" else { return }
        // Blanks may stand around a member of the list (RFC 9110 §5.6.1), and nowhere inside.
        let range = Array(String(decoding: bytes.dropFirst(6), as: UTF8.self).trimmedBlanks.utf8)
        guard let hyphen = range.firstIndex(of: UInt8(ascii: "-")) else { return }
        let (first, last) = (range[..<hyphen], range[(hyphen + 1)...])
        guard first.allSatisfy(\.isDigit), last.allSatisfy(\.isDigit), !(first.isEmpty && last.isEmpty) else { return }
        // A number that does not fit lies behind every end.
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
        // `end` is a place, one before the bound.
        self = .part(start..<(last.isEmpty || end >= length - 1 ? length : end + 1))
    }

    /// Compares digits of any number.
    private static func isGreater(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        let zero = UInt8(ascii: "0")
        let (left, right) = (left.drop { $0 == zero }, right.drop { $0 == zero })
        return left.count == right.count ? right.lexicographicallyPrecedes(left) : left.count > right.count
    }
}
