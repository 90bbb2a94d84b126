/// Something that happens while a model is being worked on, as the service's event lines have it.
package struct WorkEvent: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case status, phase, progress, metrics, layer, log, warning, done, error
        /// Only for the supervisor: a process after this one would go on from here.
        case checkpoint
    }

    package let kind: Kind
    package let level: String
    package let message: String
    package let data: JSONValue

    package init(_ kind: Kind, _ message: String, data: JSONValue = nil, level: String = "info") {
        self.kind = kind
        self.level = level
        self.message = message
        self.data = data
    }

    package static func warning(code: String, message: String) -> WorkEvent {
        WorkEvent(.warning, message, data: ["code": .string(code)], level: "warning")
    }

    /// One line of a child's output: what the supervisor of jobs reads.
    package var line: String {
        let document: JSONValue = [
            "type": .string(kind.rawValue), "level": .string(level), "message": .string(message), "data": data,
        ]
        return document.text()
    }
}

/// Who is told of events.
package typealias EventSink = (WorkEvent) -> Void
