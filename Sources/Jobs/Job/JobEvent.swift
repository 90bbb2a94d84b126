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
    package var level = "info"
    package var type: String
    package var message: String
    package var data: Data?
}

/// A report of an attempt on its job, written in one transaction.
package struct JobReport: Sendable, Equatable {
    package var events: [NewEvent] = []
    /// The new phase; nil leaves it unchanged.
    package var phase: String?
    /// The new progress; nil leaves it unchanged.
    package var progress: Data?

    var isEmpty: Bool { events.isEmpty && phase == nil && progress == nil }
}
