import FoundationEssentials
import JobContract

/// The interpretation of an output line of a job process: `{"type","level","message","data"}`.
///
/// | type | becomes |
/// |---|---|
/// | `done` | the result: `data` |
/// | `error` | the error: `data`, or code `worker_crashed` with the message |
/// | `progress` | progress and an event; `data.phase`, if any, is the phase |
/// | `phase` | an event; `data.phase` or else the message is the phase |
/// | `checkpoint` | a mark that the attempt advanced; no event |
/// | `usable` | a mark that the process can end with a result; no event |
/// | any other | an event |
///
/// Any other line is an event of type `log`.
package enum EventLine {
    package static func interpret(_ line: [UInt8]) -> SupervisorUpdate {
        guard let document = try? JSONParser.parse(line), let type = document["type"]?.string,
            isText(document["level"]), isText(document["message"])
        else {
            return SupervisorUpdate(event: NewEvent(type: "log", message: String(decoding: line, as: UTF8.self)))
        }
        let message = document["message"]?.string
        let member = document["data"] ?? .null
        // Sorted, so that equal values give equal bytes.
        let data = member.isNull ? nil : Data(member.sorted.text().utf8)
        let event = NewEvent(level: document["level"]?.string ?? "info", type: type, message: message ?? "", data: data)
        switch type {
        case "done": return SupervisorUpdate(result: data ?? Data("null".utf8))
        case "error": return SupervisorUpdate(error: data ?? AttemptOutcome.failure(.workerCrashed, message ?? ""))
        case "progress": return SupervisorUpdate(event: event, phase: member["phase"]?.string, progress: data)
        case "phase": return SupervisorUpdate(event: event, phase: member["phase"]?.string ?? message)
        case "checkpoint": return SupervisorUpdate(isCheckpoint: true)
        case "usable": return SupervisorUpdate(isUsable: true)
        default: return SupervisorUpdate(event: event)
        }
    }

    private static func isText(_ value: JSONValue?) -> Bool { value.map { $0.isNull || $0.string != nil } ?? true }
}
