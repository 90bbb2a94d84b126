package import FoundationEssentials

/// Whole seconds since 1970, the format of times in the API.
package typealias UnixSeconds = Int

/// A job in the queue: its status, lease, and payloads that the queue does not interpret.
package struct Job: Sendable, Equatable, Identifiable {
    /// The id: `job_` and 26 characters that sort by time of creation.
    package var id: String
    package var status: JobStatus
    /// The phase that the job process last reported; nil before the first report.
    package var phase: String?
    /// The request; opaque to the queue.
    package var payload: Data
    /// The client's labels, a JSON object of strings, by which ``SQLiteJobStore/list(limit:after:status:metadata:)``
    /// filters.
    package var metadata: Data
    /// The result, opaque to the queue; set exactly when the job succeeded.
    package var result: Data?
    /// The error, a JSON object with `code` and `message`; set exactly when the job failed.
    package var error: Data?
    /// The last reported progress; opaque to the queue.
    package var progress: Data?
    /// The number of attempts that count: not those that the server ended, that lacked resources, or that saved a
    /// checkpoint before a crash.
    package var attempt: Int
    /// The lease of a running job; nil in every other status.
    package var lease: Lease?
    package var createdAt: UnixSeconds
    /// The time of the first start.
    package var startedAt: UnixSeconds?
    package var finishedAt: UnixSeconds?
    package var idempotency: Idempotency?
    /// True when the cancellation of a running job was requested: it will end as `cancelled`.
    package var cancelRequested: Bool
    /// True when a running job was asked to finish with the best that it has.
    package var finishRequested: Bool
    /// The CPU time of all attempts.
    package var cpuSeconds: Double
    /// The running time of all attempts that ended while their server ran, by a clock that never steps.
    package var runningSeconds: Double
    /// The maximum of all attempts.
    package var peakMemoryBytes: Int
    /// A number that grows with every change of the job or its events.
    package var revision: Int
    /// The id of the newest event; 0 without events.
    package var lastEventID: Int

    package var leaseToken: String? { lease?.token }
    package var leaseExpiresAt: UnixSeconds? { lease?.expiresAt }
}

/// The right of one attempt to write to its job for a limited time.
///
/// Each update names job, attempt and token, so that an attempt that has lost its lease cannot write.
package struct Lease: Sendable, Hashable {
    package var jobID: String
    package var attempt: Int
    package var token: String
    package var expiresAt: UnixSeconds
}

/// A client's id for a job and the digest of its request body.
package struct Idempotency: Sendable, Hashable {
    package var clientID: String
    package var bodyDigest: String

    package init(clientID: String, bodyDigest: String) { (self.clientID, self.bodyDigest) = (clientID, bodyDigest) }
}

/// A job to be added.
package struct NewJob: Sendable {
    package var id: String
    package var payload: Data
    package var metadata: Data
    package var idempotency: Idempotency?

    package init(
        id: String, payload: Data, metadata: Data = Data("{}".utf8), idempotency: Idempotency? = nil
    ) {
        (self.id, self.payload, self.metadata, self.idempotency) = (id, payload, metadata, idempotency)
    }
}

/// The outcome of a job.
package enum JobOutcome: Sendable, Equatable {
    case succeeded(result: Data)
    case failed(error: Data)
    case cancelled
}

/// The resources used by one attempt.
package struct JobUsage: Sendable, Equatable {
    package var cpuSeconds = 0.0
    package var runningSeconds = 0.0
    package var peakMemoryBytes = 0
}

/// The result of ``SQLiteJobStore/add(_:at:)``.
package enum AddedJob: Sendable, Equatable {
    case added(Job)
    /// An earlier job with the same client id and body.
    case existing(Job)

    package var job: Job {
        switch self {
        case .added(let job), .existing(let job): job
        }
    }
}

/// A page of a list.
package struct Page<Element: Sendable>: Sendable {
    package var elements: [Element]
    package var hasMore: Bool
}
