import Glibc

/// Why the queue could not do what it was asked. No case carries a payload or a bound value.
package enum JobsError: Error, Equatable {
    /// No such job or file.
    case notFound
    /// The job was given to another worker, has ended, or is gone: stop working on it.
    case leaseLost
    /// The client id was used for another body.
    case idempotencyConflict
    /// The job has ended already.
    case notCancellable(JobStatus)
    /// Only a job that has ended can be deleted.
    case notFinished(JobStatus)
    case invalidTransition(from: JobStatus, to: JobStatus)
    /// Another process has the database open.
    case inUse(processID: Int?)
    /// The database is not in the mode that keeps acknowledged commits through a power cut.
    case notDurable(setting: String, expected: String, found: String)
    case diskFull
    /// The database does not say what was written into it.
    case damaged(String)
    /// Whatever else SQLite says, by its extended result code.
    case database(code: Int, message: String)
    case system(call: String, code: CInt)
    /// Descriptors, processes or memory are used up; the same may succeed later.
    case noResources(call: String, code: CInt)

    /// Whether the same may succeed later, when there is room.
    package var isPassing: Bool {
        switch self {
        case .diskFull, .noResources: true
        default: false
        }
    }

    /// What a call of the system that failed means.
    package init(call: String, code: CInt) {
        self =
            switch code {
            case EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS: .noResources(call: call, code: code)
            default: .system(call: call, code: code)
            }
    }
}

extension JobsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound: "not found"
        case .leaseLost: "the lease on the job was lost"
        case .idempotencyConflict: "the client id was used for another request"
        case .notCancellable(let status): "a job that is \(status.rawValue) cannot be cancelled"
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
        case .system(let call, let code), .noResources(let call, let code):
            "\(call) failed: \(unsafe String(cString: strerror(code)))"
        }
    }
}
