package import FoundationEssentials

/// What one line of a child's output means for its job. The supervisor never looks into the bytes.
package struct SupervisorUpdate: Sendable, Equatable {
    package var event: NewEvent?
    package var phase: String?
    package var progress: Data?
    /// What the job ends with when the child exits with 0; the last one counts.
    package var result: Data?
    /// What the job fails with however the child exits: a JSON object with `code` and `message`.
    package var error: Data?
    /// Whether the work until here is safe: after a crash the next attempt goes on from it, and this one does not count.
    package var isCheckpoint: Bool

    package init(
        event: NewEvent? = nil, phase: String? = nil, progress: Data? = nil, result: Data? = nil, error: Data? = nil,
        isCheckpoint: Bool = false
    ) {
        self.event = event
        self.phase = phase
        self.progress = progress
        self.result = result
        self.error = error
        self.isCheckpoint = isCheckpoint
    }
}
