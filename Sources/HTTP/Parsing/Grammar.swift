import ByteText

/// The character classes of RFC 9110 §5.6. Defined on bytes, because `Character` has other classes of the same names.
extension UInt8 {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20

    var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isLetter: Bool { self >= 0x41 && self <= 0x5A || self >= 0x61 && self <= 0x7A }
    var isBlank: Bool { self == .space || self == .tab }

    /// True for `tchar`, the characters of names and methods.
    var isToken: Bool {
        if isDigit || isLetter { return true }
        return switch self {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// True for `field-vchar`, blanks and `obs-text`, the characters of header values.
    var isFieldText: Bool { self >= 0x20 && self != 0x7F || self == .tab }
}

/// Parsing of the numbers in HTTP.
enum Digits {
    /// The value of a text of decimal digits; nil for any other text and when the number does not fit.
    static func decimal(_ text: some Sequence<UInt8>) -> Int? {
        var value: Int?
        for byte in text {
            guard byte.isDigit else { return nil }
            let (tens, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}

/// The members of a comma-separated list (RFC 9110 §5.6.1) in lower case, empty ones included.
func listMembers(_ value: String) -> [String] {
    value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { member in
        let start = member.drop { $0.isBlank }
        let end = start.lastIndex { !$0.isBlank }.map { start.index(after: $0) } ?? start.startIndex
        return String(decoding: start[..<end], as: UTF8.self).asciiLowercased
    }
}
