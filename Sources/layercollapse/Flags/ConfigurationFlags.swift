import ArgumentParser
import JobContract
import Pipeline
import Service

/// Where the settings of the service come from, and those that are set most.
struct ConfigurationFlags: ParsableArguments {
    @Option(
        help: "the configuration file (default: \(Configuration.defaultFile), when it is there)", completion: .file())
    var config: String?

    @Option(help: .setting("host")) var host: String?
    @Option(help: .setting("port")) var port: String?
    @Option(help: .setting("data_directory"), completion: .directory) var dataDirectory: String?

    /// Flags over the environment over the file over the defaults.
    func load() async throws -> Configuration {
        var flags: [String: String] = [:]
        flags["host"] = host
        flags["port"] = port
        flags["data_directory"] = dataDirectory
        return try await Configuration.load(flags: flags, file: config)
    }
}

extension ArgumentHelp {
    /// What a setting means, by its name.
    fileprivate static func setting(_ name: String) -> ArgumentHelp {
        guard let setting = Setting.named(name) else { preconditionFailure("there is a setting '\(name)'") }
        let standard = setting.standard.string ?? setting.standard.text()
        return ArgumentHelp("\(setting.meaning) (default: \(standard))", valueName: "value")
    }
}
