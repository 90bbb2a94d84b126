import ArgumentParser
import JobContract
import Pipeline
import Service

extension ArgumentHelp {
    /// The help text of a job option.
    static func option(_ name: String) -> ArgumentHelp {
        guard let option = JobOption.named(name) else { preconditionFailure("there is an option '\(name)'") }
        let words =
            switch option.kind {
            case .word(let words), .words(let words): ": " + words.joined(separator: " ")
            default: ""
            }
        let standard: String? =
            switch option.defaultValue {
            case .string, .int, .double: option.defaultValue.string ?? option.defaultValue.text()
            // The parser shows the default of a flag.
            case .null, .bool, .array, .object: nil
            }
        let (repeats, value) =
            switch option.kind {
            case .texts, .words: ("; repeats, or names several with commas", "text")
            case .map, .labels:
                ("; repeats, or names several with commas", "name=\(option.kind == .map ? "key" : "text")")
            default: ("", "value")
            }
        return ArgumentHelp(
            option.meaning + words + repeats + (standard.map { " (default: \($0))" } ?? ""), valueName: value)
    }
}

extension JSONValue.Object {
    /// The given flags as text, which the option decoder converts.
    static func given(_ flags: KeyValuePairs<String, String?>) -> JSONValue.Object {
        var object = JSONValue.Object()
        for (name, text) in flags { object[name] = text.map(JSONValue.string) }
        return object
    }
}
