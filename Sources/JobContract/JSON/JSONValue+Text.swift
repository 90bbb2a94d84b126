import ByteText
import Foundation

extension JSONValue {
    /// The document in UTF-8.
    ///
    /// - Parameter indented: two spaces a level, for people; otherwise one line without spaces.
    /// - Returns: text without a newline at its end.
    package func text(indented: Bool = false) -> String {
        var text = ""
        write(to: &text, level: indented ? 0 : nil)
        return text
    }

    private func write(to text: inout String, level: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += String(value)
        case .double(let value): text += value.isFinite ? value.description : "null"
        case .string(let value): Self.quote(value, into: &text)
        case .array(let values):
            Self.writeList(values, brackets: ("[", "]"), to: &text, level: level) { value, text, level in
                value.write(to: &text, level: level)
            }
        case .object(let object):
            Self.writeList(object.members, brackets: ("{", "}"), to: &text, level: level) { member, text, level in
                Self.quote(member.name, into: &text)
                text += level == nil ? ":" : ": "
                member.value.write(to: &text, level: level)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], brackets: (String, String), to text: inout String, level: Int?,
        write: (Element, inout String, Int?) -> Void
    ) {
        text += brackets.0
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let level { newLine(level + 1, in: &text) }
            write(element, &text, level.map { $0 + 1 })
        }
        if let level, !elements.isEmpty { newLine(level, in: &text) }
        text += brackets.1
    }

    private static func newLine(_ level: Int, in text: inout String) {
        text += "\n"
        text += String(repeating: "  ", count: level)
    }

    private static func quote(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // Terminal controls, direction marks, and line ends of JavaScript.
            case _ where scalar.isInvisibleControl:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSONValue {
    /// The document that Foundation's encoder would write.
    package init(encoding value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        self = try JSONParser.parse(Array(try encoder.encode(value)))
    }
}
