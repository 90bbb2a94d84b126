import ByteText

/// Decoding of percent-encoded text (RFC 3986 §2.1), exactly once.
enum PercentCoding {
    enum Component {
        case path, query
    }

    /// Decodes one component of a target.
    ///
    /// - Throws: ``RequestError/target`` when a percent sign lacks its two digits, or the result is not UTF-8 or has a
    ///   NUL; in a path also when an encoded byte is a control character, `/` or `\`
    static func decode(_ text: Span<UInt8>, in component: Component) throws(RequestError) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "%"):
                guard index + 2 < text.count, let high = text[index + 1].hexadecimalDigit,
                    let low = text[index + 2].hexadecimalDigit
                else { throw .target }
                let byte = high << 4 | low
                guard byte != 0, component == .query || isPlain(byte) else { throw .target }
                decoded.append(byte)
                index += 3
            case UInt8(ascii: "+") where component == .query:
                decoded.append(.space)
                index += 1
            case let byte:
                decoded.append(byte)
                index += 1
            }
        }
        guard let text = decoded.span.text else { throw .target }
        return text
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "\\")
    }
}
