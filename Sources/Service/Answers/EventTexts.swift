import ByteText
import JobContract
import Jobs
import Synchronization

/// A cache of the newest events of jobs as text, so that three hundred followers of a job do not format each event
/// three hundred times. A class because all streams share it.
final class EventTexts: Sendable {
    /// The content of a text: the events of a job after `after`, up to `last`, in one format.
    struct Key: Hashable {
        let job: String
        let after: Int
        let last: Int
        let form: EventForm
    }

    private static let limit = 64

    private let known = Mutex<[(key: Key, text: String)]>([])

    /// The cached text of a key, made by `make` when it is missing.
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

/// A format for streamed events.
enum EventForm: Hashable, Sendable {
    /// Server-Sent Events.
    case events
    /// One JSON object per line.
    case lines
    /// Lines of text for a terminal.
    case text

    var type: String {
        switch self {
        case .events: "text/event-stream"
        case .lines: "application/x-ndjson"
        case .text: "text/plain; charset=utf-8"
        }
    }

    var opening: String { self == .events ? "retry: 2000\n\n" : "" }

    /// The heartbeat of an idle stream, which keeps proxies from closing the connection.
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

    /// The text of one event; empty when the format omits it.
    func text(_ view: EventView) -> String {
        switch self {
        case .events: return view.streamText
        case .lines: return view.document.text() + "\n"
        case .text:
            switch view.event.type {
            case "status", "phase", "progress", "metrics", "layer", "log": return "\(view.event.message.visible)\n"
            case "warning": return "warning: \(view.event.message.visible)\n"
            // The message says that the job failed, and the data say why.
            case "error":
                let reason = JSONValue(stored: view.event.data)["message"]?.string ?? view.event.message
                return "error: \(reason.visible)\n"
            default: return ""
            }
        }
    }
}
