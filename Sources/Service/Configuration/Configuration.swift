import ByteText
import Configuration
import Foundation
import JobContract
import Logging

/// The configuration of the server: flags override `LAYERCOLLAPSE_*` in the environment, which overrides a JSON file,
/// which overrides the defaults of ``Setting``.
package struct Configuration: Sendable {
    /// Every setting with its resolved value and source.
    package let settings: [Setting.Resolved]

    private init(settings: [Setting.Resolved]) throws(ConfigurationError) {
        self.settings = settings
        for level in settings
        where level.setting.name == "log_level" && Logger.Level(rawValue: text("log_level")) == nil {
            throw .invalidValue(
                "log_level", source: level.source, found: text("log_level"),
                expected: "one of " + Logger.Level.allCases.map(\.rawValue).joined(separator: " "))
        }
        guard isLoopback || allowUnauthenticated else { throw .openToOthers(host: host) }
    }

    func value(_ name: String) -> JSONValue { settings.first { $0.setting.name == name }?.value ?? .null }

    /// The configuration file used when no flag names one; it may be missing.
    package static let defaultFile = "config/layercollapse.json"

    /// Reads every source once.
    ///
    /// - Parameters:
    ///   - flags: settings given on the command line, by name, such as `"port": "8081"`
    ///   - environment: the process's environment
    ///   - file: the JSON file; nil means ``defaultFile``, if it exists
    /// - Returns: every setting with its value.
    /// - Throws: ``ConfigurationError`` with the setting, its source and what was expected.
    package static func load(
        flags: [String: String] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        file: String? = nil
    ) async throws(ConfigurationError) -> Configuration {
        for name in flags.keys where Setting.named(name) == nil {
            throw .unknownSetting(
                name, source: .flag, nearest: Spelling.nearest(to: name, among: Setting.all.map(\.name)))
        }
        let providers: [(Setting.Source, any ConfigProvider)] = [
            (.flag, EnvironmentVariablesProvider(environmentVariables: environmentNames(flags))),
            (.environment, EnvironmentVariablesProvider(environmentVariables: environment)),
            (.file, try await fileProvider(file ?? defaultFile, mayBeMissing: file == nil)),
        ]
        var settings: [Setting.Resolved] = []
        for setting in Setting.all { settings.append(try resolve(setting, in: providers)) }
        return try Configuration(settings: settings)
    }

    private static func environmentNames(_ flags: [String: String]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: flags.map { ("LAYERCOLLAPSE_\($0.key.asciiUppercased)", $0.value) })
    }

    private static func fileProvider(
        _ path: String, mayBeMissing: Bool
    ) async throws(ConfigurationError) -> any ConfigProvider {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            guard mayBeMissing else {
                throw .unreadableFile(path, reason: "there is no such file, or it may not be read")
            }
            return InMemoryProvider(values: [:])
        }
        do {
            // The library ignores unknown names, so a misspelt setting would silently keep its default.
            guard let object = try JSONParser.parse(Array(bytes)).object else {
                throw ConfigurationError.unreadableFile(path, reason: "it is not a JSON object")
            }
            for name in object.names where Setting.named(name) == nil {
                throw ConfigurationError.unknownSetting(
                    name, source: .file, nearest: Spelling.nearest(to: name, among: Setting.all.map(\.name)))
            }
            let location = InMemoryProvider(values: ["filePath": ConfigValue(.string(path), isSecret: false)])
            return try await FileProvider<JSONSnapshot>(config: ConfigReader(provider: location))
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw .unreadableFile(path, reason: "\(error)")
        }
    }

    private static func resolve(
        _ setting: Setting, in providers: [(Setting.Source, any ConfigProvider)]
    ) throws(ConfigurationError) -> Setting.Resolved {
        for (source, provider) in providers {
            let key = AbsoluteConfigKey(source == .file ? [setting.name] : ["layercollapse", setting.name])
            do {
                guard let found = try provider.value(forKey: key, type: setting.type).value else { continue }
                guard let value = setting.value(of: found.content) else {
                    throw ConfigurationError.invalidValue(
                        setting.name, source: source, found: found.content.words, expected: setting.expectation)
                }
                return Setting.Resolved(setting: setting, value: value, source: source)
            } catch let error as ConfigurationError {
                throw error
            } catch {
                let text = (try? provider.value(forKey: key, type: .string))?.value
                throw .invalidValue(
                    setting.name, source: source, found: text?.content.words ?? "a value of another kind",
                    expected: setting.expectation)
            }
        }
        return Setting.Resolved(setting: setting, value: setting.defaultValue, source: .builtIn)
    }
}

extension Setting {
    fileprivate var type: ConfigType {
        switch kind {
        case .text: .string
        case .flag: .bool
        case .count: .int
        }
    }

    fileprivate func value(of content: ConfigContent) -> JSONValue? {
        switch (kind, content) {
        case (.text, .string(let text)) where !text.isEmpty || defaultValue == "": .string(text)
        case (.flag, .bool(let flag)): .bool(flag)
        case (.count(let minimum, let maximum), .int(let count)) where (minimum...maximum).contains(count): .int(count)
        default: nil
        }
    }
}

extension ConfigContent {
    fileprivate var words: String {
        switch self {
        case .string(let text): text
        case .int(let count): String(count)
        case .bool(let flag): String(flag)
        default: "\(self)"
        }
    }
}
