package import SystemCalls

/// The errors of the queue and of job processes. No case carries a payload or a bound value.
package enum JobsError: Error, Equatable {
    /// There is no such job or file.
    case notFound
    /// The job has another lease, has ended, or is deleted: the attempt must stop.
    case leaseLost
    /// The client id is in use for another body.
    case idempotencyConflict
    /// The job has ended already.
    case notCancellable(JobStatus)
    /// The job does not run.
    case notFinishable(JobStatus)
    /// The job has not ended, so it cannot be deleted.
    case notFinished(JobStatus)
    case invalidTransition(from: JobStatus, to: JobStatus)
    /// Another process has the database open.
    case inUse(processID: Int?)
    /// The database is not in the mode in which acknowledged commits survive a power cut.
    case notDurable(setting: String, expected: String, found: String)
    case diskFull
    /// The database is damaged.
    case damaged(String)
    /// Another error of SQLite, with its extended result code.
    case database(code: Int, message: String)
    case system(SystemError)

    /// True when the same operation may succeed later, after resources are freed.
    package var isPassing: Bool {
        switch self {
        case .diskFull: true
        case .system(let error): error.isPassing
        default: false
        }
    }

    package init(_ error: SystemError) { self = error.isFull ? .diskFull : .system(error) }
}

extension JobsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound: "not found"
        case .leaseLost: "the lease on the job was lost"
        case .idempotencyConflict: "the client id was used for another request"
        case .notCancellable(let status): "a job that is \(status.rawValue) cannot be cancelled"
        case .notFinishable(let status): "a job that is \(status.rawValue) has no search to finish"
        case .notFinished(let status): "a job that is \(status.rawValue) cannot be deleted: cancel it first"
        case .invalidTransition(let from, let to): "a job that is \(from.rawValue) cannot become \(to.rawValue)"
        case .inUse(let processID?): "the data directory is in use by process \(processID)"
        case .inUse(nil): "the data directory is in use by another process"
        case .notDurable(let setting, let expected, let found):
            "the database does not keep what it acknowledges: \(setting) is \(found), not \(expected)"
        case .diskFull: "the disk is full"
        case .damaged(let reason):
            "the database is damaged (\(reason)); nothing was changed or removed: restore a copy of it, or move it away "
                + "together with the folder 'jobs'"
        case .database(let code, let message): "database error \(code): \(message)"
        case .system(let error): "\(error)"
        }
    }
}
