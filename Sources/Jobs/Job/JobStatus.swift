/// The status of a job.
///
/// ```
///   queued <───────────────┐
///   │    │ claim           │ requeue: a crash below the cap,
///   │    v                 │ or the server ended
///   │  running ────────────┘
///   │    │
///   v    v
///   cancelled   succeeded | failed | cancelled
/// ```
/// The last three are final. A trigger in the database enforces the same transitions.
package enum JobStatus: String, Sendable, Hashable, CaseIterable {
    case queued
    case running
    case succeeded
    case failed
    case cancelled

    /// The statuses that may follow this one.
    package var successors: Set<JobStatus> {
        switch self {
        case .queued: [.running, .cancelled]
        case .running: [.queued, .succeeded, .failed, .cancelled]
        case .succeeded, .failed, .cancelled: []
        }
    }

    /// True when no other status may follow.
    package var isFinal: Bool { successors.isEmpty }
}
