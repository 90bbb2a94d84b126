import FoundationEssentials
import JobContract

/// The reason why the supervisor ended a job process.
enum StopReason: Sendable, Equatable {
    case cancelled
    case deadline(seconds: Int)
    case memory(limitBytes: Int, usedBytes: Int)
    /// No output and no CPU time for the duration of a lease.
    case stalled(seconds: Int)
    case serverStopping
    case leaseLost
}

/// The exit of a child process.
enum ChildExit: Sendable, Equatable {
    case notStarted
    /// The process was not started for lack of descriptors, processes, memory or disk space: not the job's fault.
    case noResources
    case exited(Int)
    case signaled(Int)
}

/// The outcome of an attempt, and the decision on its job.
struct AttemptOutcome: Sendable {
    var stop: StopReason?
    var exit: ChildExit
    var result: Data?
    var error: Data?
    /// True when the attempt saved a checkpoint from which the next one continues.
    var advanced = false

    /// The decision on the job.
    enum Verdict: Sendable, Equatable {
        case finish(JobOutcome)
        case retry(reason: String, countsAttempt: Bool)
        /// Put the job back into the queue without counting the attempt.
        case putBack
        /// Leave the job alone, because another attempt has its lease.
        case leave
    }

    /// Decides on the job. The store still turns the decision into `cancelled` if that was requested.
    ///
    /// - Parameters:
    ///   - attempt: the number of this attempt, from 1
    ///   - attempts: the maximum number of attempts
    /// - Returns: the decision
    func verdict(attempt: Int, attempts: Int) -> Verdict {
        switch stop {
        case .leaseLost: return .leave
        case .cancelled: return .finish(.cancelled)
        case .deadline(let seconds):
            return .finish(.failed(error: Self.failure(.deadlineExceeded, "the job did not end within \(seconds) s")))
        case .memory(let limit, let used):
            let message = "the job needed \(used) bytes of memory; the limit is \(limit)"
            return .finish(
                .failed(
                    error: Self.failure(
                        .memoryLimit, message, [("limit_bytes", .int(limit)), ("used_bytes", .int(used))])))
        case .serverStopping, .stalled, nil: break
        }
        if exit == .exited(0), let result, error == nil { return .finish(.succeeded(result: result)) }
        if stop == .serverStopping { return .putBack }
        if exit == .noResources { return .retry(reason: crash, countsAttempt: false) }
        if let error { return .finish(.failed(error: error)) }
        let reason = crash
        // Attempts that advance end at some time; only attempts without progress are limited.
        return advanced || attempt < attempts
            ? .retry(reason: reason, countsAttempt: !advanced)
            : .finish(.failed(error: Self.failure(.workerCrashed, "\(reason), \(attempt) times in all")))
    }

    /// The message for an attempt that ended without result or error.
    private var crash: String {
        switch (stop, exit) {
        case (.stalled(let seconds), _): "the worker made no progress for \(seconds) s"
        case (_, .notStarted): "the worker could not be started"
        case (_, .noResources): "the machine has no room for another process now"
        case (_, .exited(0)): "the worker ended without a result"
        case (_, .exited(let code)): "the worker ended with exit code \(code)"
        case (_, .signaled(let number)): "the worker was ended by \(Self.signalName(number))"
        }
    }

    /// The stored error of a failed job.
    static func failure(_ code: ProblemCode, _ message: String, _ figures: [(String, JSONValue)] = []) -> Data {
        let members: [(String, JSONValue)] = [("code", .string(code.rawValue)), ("message", .string(message))]
        return Data(JSONValue.object(JSONValue.Object(members + figures)).text().utf8)
    }

    /// The name of a signal that ends processes, by its Linux number.
    private static func signalName(_ number: Int) -> String {
        let names = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
            9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
            31: "SIGSYS",
        ]
        return names[number] ?? "signal \(number)"
    }
}
