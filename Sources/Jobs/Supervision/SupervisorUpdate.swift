package import FoundationEssentials

/// The changes of a job that one output line of its process causes. The supervisor does not interpret the bytes.
package struct SupervisorUpdate: Sendable, Equatable {
    package var event: NewEvent?
    package var phase: String?
    package var progress: Data?
    /// The result of the job if the process exits with 0; the last one counts.
    package var result: Data?
    /// The error of the job, however the process exits: a JSON object with `code` and `message`.
    package var error: Data?
    /// True when a checkpoint is saved: after a crash the next attempt continues from it, and this one does not count.
    package var isCheckpoint = false
    /// True when the process can end with a result soon, so that a deadline waits for it.
    package var isUsable = false
}
