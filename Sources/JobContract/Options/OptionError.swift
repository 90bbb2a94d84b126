/// Why the options of a job cannot be taken.
package enum OptionError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknown(String, nearest: String?)
    case invalid(String, found: String, expected: String)
    /// Two options that exclude each other.
    case conflict(String, with: String)

    /// The option to blame.
    package var name: String {
        switch self {
        case .unknown(let name, _), .invalid(let name, _, _), .conflict(let name, _): name
        }
    }

    package var hint: String? { if case .unknown(_, let nearest?) = self { "did you mean '\(nearest)'?" } else { nil } }

    package var description: String {
        switch self {
        case .unknown(let name, let nearest):
            "there is no option '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        case .invalid(let name, let found, let expected): "\(name) is \(found); expected \(expected)"
        case .conflict(let name, let other): "\(name) and \(other) exclude each other"
        }
    }
}
