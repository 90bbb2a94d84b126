import ByteText

/// Text from files inside markup, with whatever would be read as markup escaped.
///
/// It works on scalars, because a mark that joins the next character would hide it.
enum Markup {
    /// The text in Markdown, which may hold HTML.
    static func card(_ text: String) -> String {
        replacing(in: text) { scalar in
            switch scalar {
            case "\\", "`", "*", "_", "[", "]", "|", "#", "~", "!": "\\\(scalar)"
            case "\"", "'": nil
            default: entity(scalar)
            }
        }
    }

    /// The text in HTML, or in an element or attribute of XML.
    ///
    /// - SeeAlso: XML 1.0 §2.2, which has no U+FFFE and U+FFFF
    static func page(_ text: String) -> String {
        replacing(in: text) { scalar in
            scalar.value & 0xFFFE == 0xFFFE
                ? "\\u{\(String(scalar.value, radix: 16, uppercase: true))}" : entity(scalar)
        }
    }

    private static func entity(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&quot;"
        case "'": "&#39;"
        default: nil
        }
    }

    private static func replacing(in text: String, _ replacement: (Unicode.Scalar) -> String?) -> String {
        text.visible.unicodeScalars.reduce(into: "") { $0 += replacement($1) ?? String($1) }
    }
}
