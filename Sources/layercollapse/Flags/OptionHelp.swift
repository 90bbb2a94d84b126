import ArgumentParser
import JobContract
import Pipeline
import Service

extension ArgumentHelp {
    /// What an option of a job means, by its name in the interface.
    static func option(_ name: String) -> ArgumentHelp {
        guard let option = JobOption.named(name) else { preconditionFailure("there is an option '\(name)'") }
        let words = if case .word(let words) = option.kind { ": " + words.joined(separator: " ") } else { "" }
        let standard: String? =
            switch option.standard {
            case .string, .int, .double: option.standard.string ?? option.standard.text()
            // A flag shows its own.
            case .null, .bool, .array, .object: nil
            }
        return ArgumentHelp(
            option.meaning + words + (standard.map { " (default: \($0))" } ?? ""), valueName: "value")
    }
}

extension JSONValue.Object {
    /// Flags that were given, as texts: the decoder of options knows what they have to be.
    static func given(_ flags: KeyValuePairs<String, String?>) -> JSONValue.Object {
        var object = JSONValue.Object()
        for (name, text) in flags { object[name] = text.map(JSONValue.string) }
        return object
    }
}
