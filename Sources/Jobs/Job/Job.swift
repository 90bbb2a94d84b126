package import FoundationEssentials

/// Whole seconds since 1970, as the API shows time.
package typealias UnixSeconds = Int

/// A piece of work as the queue knows it: states, leases and bytes that it never looks into.
package struct Job: Sendable, Equatable, Identifiable {
    /// `job_` and 26 characters that sort by time of creation.
    package var id: String
    package var status: JobStatus
    /// What the child says it is doing; nil before it says anything.
    package var phase: String?
    /// What is to be done; opaque.
    package var payload: Data
    /// The user's own labels: a JSON object of strings, which ``SQLiteJobStore/list(limit:after:status:metadata:)`` can filter by.
    package var metadata: Data
    /// What came of it; opaque, set exactly when the job succeeded.
    package var result: Data?
    /// Why it failed: a JSON object with `code` and `message`.
    package var error: Data?
    /// The last progress; opaque.
    package var progress: Data?
    /// How often the job was started, not counting starts that the end of a server undid or that got somewhere before a crash.
    package var attempt: Int
    /// Who may write to a running job; nil in every other state.
    package var lease: Lease?
    package var createdAt: UnixSeconds
    /// When it first ran.
    package var startedAt: UnixSeconds?
    package var finishedAt: UnixSeconds?
    package var idempotency: Idempotency?
    /// Somebody asked a running job to end; it will end as `cancelled` and no other way.
    package var cancelRequested: Bool
    /// Over all attempts.
    package var cpuSeconds: Double
    /// Time in which a process worked on it, over all attempts that ended while their server lived; measured by a clock
    /// that never steps.
    package var runningSeconds: Double
    /// The largest of all attempts.
    package var peakMemoryBytes: Int
    /// Grows with every change of the job or its events.
    package var revision: Int
    /// The id of the newest event, 0 without events.
    package var lastEventID: Int

    package var leaseToken: String? { lease?.token }
    package var leaseExpiresAt: UnixSeconds? { lease?.expiresAt }
}

/// The right to write to one attempt of a job, for a while.
///
/// Every update by a worker names job, attempt and token; a worker that was taken for dead finds that nothing matches any more.
package struct Lease: Sendable, Hashable {
    package var jobID: String
    package var attempt: Int
    package var token: String
    package var expiresAt: UnixSeconds
}

/// A client's own name for a job, and the digest of what it asked for.
package struct Idempotency: Sendable, Hashable {
    package var clientID: String
    package var bodyDigest: String

    package init(clientID: String, bodyDigest: String) {
        self.clientID = clientID
        self.bodyDigest = bodyDigest
    }
}

/// What it takes to add a job.
package struct NewJob: Sendable {
    package var id: String
    package var payload: Data
    package var metadata: Data
    package var idempotency: Idempotency?
    /// True for a job that waits in `validating_files` until ``SQLiteJobStore/enqueue(_:at:)``.
    package var awaitsValidation: Bool

    package init(
        id: String, payload: Data, metadata: Data = Data("{}".utf8), idempotency: Idempotency? = nil,
        awaitsValidation: Bool = false
    ) {
        self.id = id
        self.payload = payload
        self.metadata = metadata
        self.idempotency = idempotency
        self.awaitsValidation = awaitsValidation
    }
}

/// How a job ends.
package enum JobOutcome: Sendable, Equatable {
    case succeeded(result: Data)
    case failed(error: Data)
    case cancelled
}

/// What one attempt used up.
package struct JobUsage: Sendable, Equatable {
    package var cpuSeconds: Double
    package var runningSeconds: Double
    package var peakMemoryBytes: Int

    package init(cpuSeconds: Double = 0, runningSeconds: Double = 0, peakMemoryBytes: Int = 0) {
        self.cpuSeconds = cpuSeconds
        self.runningSeconds = runningSeconds
        self.peakMemoryBytes = peakMemoryBytes
    }
}

/// The answer to ``SQLiteJobStore/add(_:at:)``.
package enum AddedJob: Sendable, Equatable {
    case added(Job)
    /// The same client id came before with the same body.
    case existing(Job)

    package var job: Job {
        switch self {
        case .added(let job), .existing(let job): job
        }
    }
}

/// A stretch of a list, and whether more follows.
package struct Page<Element: Sendable>: Sendable {
    package var elements: [Element]
    package var hasMore: Bool
}
