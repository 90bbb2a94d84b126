import JobContract

/// An error of the configuration that prevents the start; each names the setting, its source and the remedy.
package enum ConfigurationError: Error, Equatable, CustomStringConvertible {
    case unknownSetting(String, source: Setting.Source, nearest: String?)
    case invalidValue(String, source: Setting.Source, found: String, expected: String)
    case unreadableFile(String, reason: String)
    case openToOthers(host: String)

    package var description: String {
        switch self {
        case .unknownSetting(let name, let source, let nearest):
            "there is no setting '\(name)' (\(source.rawValue))" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        case .invalidValue(let name, let source, let found, let expected):
            "\(name) is '\(found)' (\(source.rawValue)); expected \(expected)"
        case .unreadableFile(let path, let reason):
            "the configuration file \(path) cannot be read: \(reason)"
        case .openToOthers(let host):
            "listening on \(host) would let everybody who reaches this machine use the service: "
                + "set host to 127.0.0.1, or set allow_unauthenticated to true if something in front of it decides who may"
        }
    }
}
