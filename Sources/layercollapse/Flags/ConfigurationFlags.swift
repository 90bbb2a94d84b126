import ArgumentParser
import JobContract
import Pipeline
import Service

/// The flag for the configuration file, and flags for the most used settings.
struct ConfigurationFlags: ParsableArguments {
    @Option(
        help: "the configuration file (default: \(Configuration.defaultFile), when it is there)", completion: .file())
    var config: String?

    @Option(help: .setting("host")) var host: String?
    @Option(help: .setting("port")) var port: String?
    @Option(help: .setting("data_directory"), completion: .directory) var dataDirectory: String?

    /// Loads the settings: flags override the environment, which overrides the file, which overrides the defaults.
    func load() async throws -> Configuration {
        var flags: [String: String] = [:]
        flags["host"] = host
        flags["port"] = port
        flags["data_directory"] = dataDirectory
        return try await Configuration.load(flags: flags, file: config)
    }
}

extension ArgumentHelp {
    /// The help text of a setting.
    fileprivate static func setting(_ name: String) -> ArgumentHelp {
        guard let setting = Setting.named(name) else { preconditionFailure("there is a setting '\(name)'") }
        let defaultText = setting.defaultValue.string ?? setting.defaultValue.text()
        return ArgumentHelp("\(setting.meaning) (default: \(defaultText))", valueName: "value")
    }
}
