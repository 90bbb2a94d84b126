import ByteText

/// The syntax of a host with an optional port (RFC 3986 §3.2, without user information; RFC 9110 §7.2).
enum Authority {
    /// Returns whether the text is the authority of an http URL.
    static func isValid(_ text: Span<UInt8>) -> Bool {
        guard text.count > 0 else { return false }
        var index = 0
        if text[0] == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]"), from: 1), close > 1 else { return false }
            for place in 1..<close where !isAddress(text[place]) { return false }
            index = close + 1
        } else {
            while index < text.count, isName(text[index]) { index += 1 }
            guard index > 0 else { return false }
        }
        guard index < text.count else { return true }
        guard text[index] == UInt8(ascii: ":") else { return false }
        // RFC 3986 §3.2.3: the digits may be missing.
        guard index + 1 < text.count else { return true }
        let digits = (index + 1..<text.count).map { text[$0] }
        return digits.count <= 5 && Digits.decimal(digits).map { $0 <= 65_535 } ?? false
    }

    /// Returns whether the byte may occur in an IPv6 address, which may end with an IPv4 address.
    private static func isAddress(_ byte: UInt8) -> Bool {
        byte.hexadecimalDigit != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    /// Returns whether the byte may occur in a `reg-name`; not a comma, which would join two Host values.
    private static func isName(_ byte: UInt8) -> Bool {
        if byte.isLetter || byte.isDigit { return true }
        return switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
