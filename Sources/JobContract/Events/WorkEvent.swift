/// An event of the work on a model, as in the output lines of a job process.
package struct WorkEvent: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case status, phase, progress, metrics, layer, log, warning, done, error
        /// Only for the supervisor: the work up to here is saved, and a later process would resume from it.
        case checkpoint
        /// Only for the supervisor: there is a network that a deadline may end the search with.
        case usable
    }

    package let kind: Kind
    package let level: String
    package let message: String
    package let data: JSONValue

    package init(_ kind: Kind, _ message: String, data: JSONValue = nil, level: String = "info") {
        (self.kind, self.level, self.message, self.data) = (kind, level, message, data)
    }

    package static func warning(code: String, message: String) -> WorkEvent {
        WorkEvent(.warning, message, data: ["code": .string(code)], level: "warning")
    }

    /// The output line of a job process, which the supervisor reads.
    package var line: String {
        let document: JSONValue = [
            "type": .string(kind.rawValue), "level": .string(level), "message": .string(message), "data": data,
        ]
        return document.text()
    }
}

/// The receiver of events.
package typealias EventSink = (WorkEvent) -> Void
