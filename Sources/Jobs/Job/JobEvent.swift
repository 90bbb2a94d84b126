package import FoundationEssentials

/// Something that happened to a job, in the order in which it happened.
package struct JobEvent: Sendable, Equatable, Identifiable {
    /// 1, 2, 3, ... within the job; survives restarts.
    package var id: Int
    package var createdAt: UnixSeconds
    package var level: String
    package var type: String
    package var message: String
    /// JSON; opaque.
    package var data: Data?
}

/// An event that has no number yet.
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

/// What a worker has to say about its job, written in one transaction.
package struct JobReport: Sendable, Equatable {
    package var events: [NewEvent]
    /// nil leaves the phase as it is.
    package var phase: String?
    /// nil leaves the progress as it is.
    package var progress: Data?

    package init(events: [NewEvent] = [], phase: String? = nil, progress: Data? = nil) {
        self.events = events
        self.phase = phase
        self.progress = progress
    }

    var isEmpty: Bool { events.isEmpty && phase == nil && progress == nil }
}
