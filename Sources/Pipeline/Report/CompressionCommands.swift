import ByteText
import Foundation
import JobContract

/// The commands that do a compression again, at the terminal and over HTTP. Files have their names alone, as in the
/// folder where they lie.
struct CompressionCommands {
    private let models, data, validation: [String]
    private let output: String
    /// The options that are not left to their defaults.
    private let given: [(option: JobOption, value: JSONValue)]

    /// The options that no number depends on.
    static let irrelevant = ["metadata", "webhook", "deadline_seconds"]
    private static let address = "http://127.0.0.1:8080/v1/jobs"

    /// - Parameters:
    ///   - models: the paths of the model's files, the model first.
    ///   - order: the other files, and the options as they were given.
    ///   - threads: the threads that were used, on which the last digits depend.
    init(models: [String], _ order: CompressionOrder, threads: Int) {
        func name(_ path: String) -> String { URL(filePath: path).lastPathComponent }
        (self.models, output) = (models.map(name), name(order.output))
        data = [order.data].compactMap { $0.map(name) }
        validation = [order.validationData].compactMap { $0.map(name) }
        var options = order.options.all
        options["threads"] = .int(threads)
        for name in Self.irrelevant { options[name] = nil }
        given = JobOption.all.compactMap { option in
            guard let value = options[option.name], value != option.defaultValue, !value.isNull else { return nil }
            return (option, value)
        }
    }

    var document: JSONValue { ["terminal": .string(terminal), "curl": .string(curl)] }

    /// The command of the program.
    private var terminal: String {
        var words = ["layercollapse", "compress", Self.path(models.first ?? "")]
        for file in data { words += ["--data", Self.path(file)] }
        for file in validation { words += ["--validation-data", Self.path(file)] }
        for (option, value) in given { words += Self.flags(option, value) }
        words += ["-o", Self.path(output), "--report", "report.html"]
        return words.map(ShellWord.quoted).joined(separator: " ")
    }

    /// The request by curl; lists and objects travel as JSON.
    private var curl: String {
        let files =
            models.map { ("model", $0) } + data.map { ("data", $0) } + validation.map { ("validation_data", $0) }
        var words = ["curl"]
        for (field, file) in files { words += ["-F", "\(field)=@\(Self.quotedForCurl(file))"] }
        var others = JSONValue.Object()
        for (option, value) in given {
            if value.array != nil || value.object != nil {
                others[option.name] = value
            } else {
                let text = value.string ?? value.text()
                words += [Self.isWord(text) ? "-F" : "--form-string", "\(option.name)=\(text)"]
            }
        }
        if !others.isEmpty { words += ["--form-string", "config=\(JSONValue.object(others).text())"] }
        return (words + [Self.address]).map(ShellWord.quoted).joined(separator: " ")
    }

    /// True for what curl takes as it is.
    private static func isWord(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "_.-".utf8.contains($0) }
    }

    private static func flags(_ option: JobOption, _ value: JSONValue) -> [String] {
        let flag = "--" + String(decoding: option.name.utf8.map { $0 == UInt8(ascii: "_") ? 0x2D : $0 }, as: UTF8.self)
        switch value {
        case .bool(let isOn): return isOn ? [flag] : ["--no-" + flag.dropBytes(2)]
        case .array(let values): return values.map { "\(flag)=\($0.string ?? $0.text())" }
        default: return ["\(flag)=\(value.string ?? value.text())"]
        }
    }

    /// The name as a path that no program takes for a flag.
    private static func path(_ name: String) -> String { name.utf8.first == UInt8(ascii: "-") ? "./\(name)" : name }

    /// The name as curl reads it behind `@`: between quotes where it has a comma, a semicolon, a quote or a backslash.
    private static func quotedForCurl(_ name: String) -> String {
        guard name.utf8.contains(where: { Array(",;\"\\".utf8).contains($0) }) else { return name }
        let bytes = name.utf8.flatMap { Array("\"\\".utf8).contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
        return "\"\(String(decoding: bytes, as: UTF8.self))\""
    }
}
