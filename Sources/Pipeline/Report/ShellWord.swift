/// A word of a shell's command, quoted where the shell, a terminal or Markdown would read more than letters in it.
///
/// - SeeAlso: Bash Reference Manual §3.1.2 (quoting)
enum ShellWord {
    private static let plain = Array("_-+=:,./@%".utf8)
    /// The letters that may stand between single quotes: neither the quote itself nor what Markdown or HTML takes for markup.
    private static let quotable = plain + Array(" !#$()*;?^{|}~\"".utf8)

    static func quoted(_ text: String) -> String {
        func consists(of letters: [UInt8]) -> Bool {
            text.utf8.allSatisfy { isAlphanumeric($0) || letters.contains($0) }
        }
        if !text.utf8.isEmpty, consists(of: plain) { return text }
        if consists(of: quotable) { return "'\(text)'" }
        return "$'" + text.unicodeScalars.map(escaped).joined() + "'"
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        let code = String(scalar.value, radix: 16, uppercase: true)
        func padded(_ digits: Int) -> String { String(repeating: "0", count: max(0, digits - code.utf8.count)) + code }
        guard scalar.isASCII else {
            if scalar.properties.isAlphabetic { return String(scalar) }
            return scalar.value < 0x10000 ? "\\u\(padded(4))" : "\\U\(padded(8))"
        }
        let byte = UInt8(truncatingIfNeeded: scalar.value)
        return isAlphanumeric(byte) || plain.contains(byte) || byte == UInt8(ascii: " ")
            ? String(scalar) : "\\x\(padded(2))"
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
