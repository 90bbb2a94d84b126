import HTTP
import HTTPTypes
import JobContract
import Jobs
import Logging

/// What every handler needs. The handlers are its extensions, one file for each kind of thing.
struct Routes: Sendable {
    let configuration: Configuration
    let store: SQLiteJobStore
    let artifacts: ArtifactStore
    let jobs: JobFolders
    let plans: InspectionRunner
    let reserve: DiskReserve
    /// What all requests together may hold in memory of what their clients wrote.
    let memory: MemoryBudget
    /// Texts of events as streams show them, made once for all who follow a job.
    let texts = EventTexts()
    let logger: Logger
    /// Seconds since 1970.
    let now: @Sendable () -> Int
    /// Whether the service is on its way out.
    let isStopping: @Sendable () -> Bool
    /// Whether a job's process could be started now.
    let hasRoom: @Sendable () -> Bool

    /// A job as the interface shows it.
    func view(_ job: Job) async throws -> JobView {
        let (position, warnings) = try await store.perform { store throws(JobsError) in
            (
                job.status == .queued ? try store.queuePosition(job.id) : nil,
                try store.warnings(of: job.id, limit: 100)
            )
        }
        return JobView(job: job, queuePosition: position, warnings: warnings, now: now())
    }

    func job(_ call: Call) async throws -> Job { try await job(call.parameter("id")) }

    func job(_ id: String) async throws -> Job {
        try await store.perform { store throws(JobsError) in try store.find(id) }
    }

    /// A job as the answer; whoever polls is told when to come again.
    func answer(_ job: Job, status: Int = 200) async throws -> Answer {
        let view = try await view(job)
        return Answer.json(view.document, status: status)
            .with(.eTag, view.entityTag)
            .with(.cacheControl, "no-store")
            .with(.retryAfter, job.status.isFinal ? nil : "2")
    }
}

extension Problem {
    /// The one place where what went wrong inside becomes what a client is told. Details are for the log.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as OptionError:
            let code: ProblemCode = if case .unknown = error { .unknownOption } else { .invalidOption }
            self.init(code, error.description, hint: error.hint, parameter: error.name)
        case let error as JSONError: self.init(.malformedRequest, error.description)
        case StorageError.noResources, JobsError.noResources:
            self = .overloaded("The machine has no descriptors, processes or memory left for this at the moment.")
        case let error as SystemError where error.isPassing:
            self = .overloaded("The machine has no descriptors or memory left for this at the moment.")
        case StorageError.full, JobsError.diskFull:
            self.init(.diskFull, "There is no room left on the disk.", hint: "delete finished jobs or files")
        case JobsError.notFound: self = .notFound("job")
        case JobsError.idempotencyConflict:
            self.init(.idempotencyKeyReused, "This id was used for a job with other files or options.")
        case JobsError.notCancellable(let status):
            self.init(.jobNotCancellable, "The job is \(status.rawValue); it cannot be cancelled any more.")
        case JobsError.notFinished(let status):
            self.init(.jobNotDeletable, "The job is \(status.rawValue).", hint: "cancel it first")
        default: self.init(.internalError, "The service could not do this; its log says why.")
        }
    }
}
