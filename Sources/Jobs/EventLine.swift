import FoundationEssentials

/// A line of a child's output as the program's own workers write it: `{"type","level","message","data"}`.
///
/// | type | becomes |
/// |---|---|
/// | `done` | the result: `data` |
/// | `error` | the error: `data`, or code `worker_crashed` with the message |
/// | `progress` | progress and an event; `data.phase`, if any, is the phase |
/// | `phase` | an event; `data.phase` or else the message is the phase |
/// | `checkpoint` | a note that the attempt got somewhere; no event |
/// | any other | an event |
///
/// A line that is no such object is an event of type `log`.
package struct EventLine: Decodable {
    var type: String
    var level: String?
    var message: String?
    var data: JSONValue?

    package static func interpret(_ line: [UInt8]) -> SupervisorUpdate {
        guard let parsed = try? JSONDecoder().decode(EventLine.self, from: Data(line)) else {
            return SupervisorUpdate(event: NewEvent(type: "log", message: String(decoding: line, as: UTF8.self)))
        }
        return parsed.update
    }

    private var update: SupervisorUpdate {
        let data = data.flatMap { try? JSONEncoder.sorted.encode($0) }
        let event = NewEvent(level: level ?? "info", type: type, message: message ?? "", data: data)
        switch type {
        case "done": return SupervisorUpdate(result: data ?? Data("null".utf8))
        case "error": return SupervisorUpdate(error: data ?? failure)
        case "progress": return SupervisorUpdate(event: event, phase: self.data?["phase"]?.text, progress: data)
        case "phase": return SupervisorUpdate(event: event, phase: self.data?["phase"]?.text ?? message)
        case "checkpoint": return SupervisorUpdate(isCheckpoint: true)
        default: return SupervisorUpdate(event: event)
        }
    }

    private var failure: Data? {
        let error = ["code": JSONValue.string("worker_crashed"), "message": .string(message ?? "")]
        return try? JSONEncoder.sorted.encode(error)
    }
}

extension JSONEncoder {
    /// The same value gives the same bytes.
    fileprivate static var sorted: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

/// Any JSON, for passing it on.
enum JSONValue: Codable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}
