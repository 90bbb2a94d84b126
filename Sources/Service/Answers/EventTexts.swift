import ByteText
import JobContract
import Jobs
import Synchronization

/// A class, because all streams share it. The texts of a job's newest events in the forms that streams have, so that three
/// hundred who follow one job do not have each event written out three hundred times.
final class EventTexts: Sendable {
    /// What a text was made of: the events behind one, up to another, of a job in a form.
    struct Key: Hashable {
        let job: String
        let after: Int
        let last: Int
        let form: EventForm
    }

    private static let limit = 64

    private let known = Mutex<[(key: Key, text: String)]>([])

    /// The text of a key, made unless somebody else had it made.
    func text(_ key: Key, make: () -> String) -> String {
        if let text = known.withLock({ $0.last { $0.key == key }?.text }) { return text }
        let text = make()
        known.withLock { known in
            if known.count == Self.limit { known.removeFirst() }
            known.append((key, text))
        }
        return text
    }
}

/// A form in which events are streamed.
enum EventForm: Hashable, Sendable {
    /// Server-Sent Events.
    case events
    /// A JSON object a line.
    case lines
    /// What a terminal shows.
    case text

    var type: String {
        switch self {
        case .events: "text/event-stream"
        case .lines: "application/x-ndjson"
        case .text: "text/plain; charset=utf-8"
        }
    }

    var opening: String { self == .events ? "retry: 2000\n\n" : "" }

    /// What is sent when nothing has happened for a while, so that nobody on the way takes the connection for dead.
    func silence(_ job: Job) -> String {
        switch self {
        case .events: return ": \n\n"
        case .lines: return "\n"
        case .text:
            let share = JSONValue(stored: job.progress)["fraction"]?.double.map {
                ", \(NumberFormat.fixed(100 * min(max($0, 0), 1), digits: 0)) %"
            }
            return "\(job.status.rawValue)\(job.phase.map { ": " + $0.visible } ?? "")\(share ?? "")\n"
        }
    }

    /// One event; nothing where the form leaves it out.
    func text(_ view: EventView) -> String {
        switch self {
        case .events: return view.streamText
        case .lines: return view.document.text() + "\n"
        case .text:
            switch view.event.type {
            case "status", "phase", "progress", "metrics", "layer", "log": return "\(view.event.message.visible)\n"
            case "warning": return "warning: \(view.event.message.visible)\n"
            // The event says that the job failed, and its data why.
            case "error":
                let reason = JSONValue(stored: view.event.data)["message"]?.string ?? view.event.message
                return "error: \(reason.visible)\n"
            default: return ""
            }
        }
    }
}
