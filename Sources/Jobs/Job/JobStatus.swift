/// Where a job is in its life.
///
/// ```
///   validating_files ──────> queued <───────────────┐
///          │                 │    │ claim           │ requeue: a crash below the cap,
///          │                 │    v                 │ or the server ended
///          │                 │  running ────────────┘
///          │                 │    │
///          v                 v    v
///   failed | cancelled   cancelled   succeeded | failed | cancelled
/// ```
/// The last three are final: nothing leads out of them, and the database has a trigger that says the same.
package enum JobStatus: String, Sendable, Hashable, CaseIterable {
    case validatingFiles = "validating_files"
    case queued
    case running
    case succeeded
    case failed
    case cancelled

    /// The states that may follow this one.
    package var successors: Set<JobStatus> {
        switch self {
        case .validatingFiles: [.queued, .failed, .cancelled]
        case .queued: [.running, .cancelled]
        case .running: [.queued, .succeeded, .failed, .cancelled]
        case .succeeded, .failed, .cancelled: []
        }
    }

    /// Whether nothing follows.
    package var isFinal: Bool { successors.isEmpty }
}
