import HTTP
import HTTPTypes
import JobContract
import Jobs
import Logging
import SystemCalls

/// The dependencies of the handlers, which are its extensions, one file per kind of resource.
struct Routes: Sendable {
    let configuration: Configuration
    let store: SQLiteJobStore
    let artifacts: ArtifactStore
    let jobs: JobFolders
    let plans: InspectionRunner
    let reserve: DiskReserve
    /// The limit on the memory of fields and JSON, shared by all requests.
    let memory: MemoryBudget
    /// The cached texts of streamed events, shared by all followers of a job.
    let texts = EventTexts()
    let logger: Logger
    /// Seconds since 1970.
    let now: @Sendable () -> Int
    /// True when the server is stopping.
    let isStopping: @Sendable () -> Bool
    /// True when a job process could be started now.
    let hasRoom: @Sendable () -> Bool

    /// The API's view of a job.
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

    /// The answer that shows a job; `Retry-After` tells a client when to poll again.
    func answer(_ job: Job, status: Int = 200) async throws -> Answer {
        let view = try await view(job)
        return Answer.json(view.document, status: status)
            .with(.eTag, view.entityTag)
            .with(.cacheControl, "no-store")
            .with(.retryAfter, job.status.isFinal ? nil : "2")
    }
}

extension Problem {
    /// Converts any internal error to the problem that a client sees. This is the only place that does; details go to
    /// the log.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as OptionError:
            let code: ProblemCode = if case .unknown = error { .unknownOption } else { .invalidOption }
            self.init(code, error.description, hint: error.hint, parameter: error.name)
        case let error as JSONError: self.init(.malformedRequest, error.description)
        case JobsError.system(let error): self.init(error)
        case let error as SystemError where error.isPassing:
            self = .overloaded("The machine has no descriptors, processes or memory left for this at the moment.")
        case let error as SystemError where error.isFull: self.init(JobsError.diskFull)
        case JobsError.diskFull:
            self.init(.diskFull, "There is no room left on the disk.", hint: "delete finished jobs or files")
        case is DifferenceError:
            self.init(.internalError, "The stored point is damaged.", hint: "post the job again")
        case JobsError.notFound: self = .notFound("job")
        case JobsError.idempotencyConflict:
            self.init(.idempotencyKeyReused, "This id was used for a job with other files or options.")
        case JobsError.notCancellable(let status):
            self.init(.jobNotCancellable, "The job is \(status.rawValue); it cannot be cancelled any more.")
        case JobsError.notFinishable(let status):
            self.init(
                .jobNotFinishable, "The job is \(status.rawValue); only a running one can be finished.",
                hint: status.isFinal ? nil : "cancel it, or ask again when it runs")
        case JobsError.notFinished(let status):
            self.init(.jobNotDeletable, "The job is \(status.rawValue).", hint: "cancel it first")
        default: self.init(.internalError, "The service could not do this; its log says why.")
        }
    }
}
