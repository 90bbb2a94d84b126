package import FoundationEssentials

/// One event in the history of a job.
package struct JobEvent: Sendable, Equatable, Identifiable {
    /// The number of the event within the job, from 1; it survives restarts.
    package var id: Int
    package var createdAt: UnixSeconds
    package var level: String
    package var type: String
    package var message: String
    /// JSON, opaque to the queue.
    package var data: Data?
}

/// An event without a number yet.
package struct NewEvent: Sendable, Equatable {
    package var level: String
    package var type: String
    package var message: String
    package var data: Data?

    package init(level: String = "info", type: String, message: String, data: Data? = nil) {
        self.level = level
        self.type = type
        self.message = message
        self.data = data
    }
}

/// A report of an attempt on its job, written in one transaction.
package struct JobReport: Sendable, Equatable {
    package var events: [NewEvent]
    /// The new phase; nil leaves it unchanged.
    package var phase: String?
    /// The new progress; nil leaves it unchanged.
    package var progress: Data?

    package init(events: [NewEvent] = [], phase: String? = nil, progress: Data? = nil) {
        self.events = events
        self.phase = phase
        self.progress = progress
    }

    var isEmpty: Bool { events.isEmpty && phase == nil && progress == nil }
}
