import FoundationEssentials
import JobContract

/// Why the supervisor itself ended a child.
enum StopReason: Sendable, Equatable {
    case cancelled
    case deadline(seconds: Int)
    case memory(limitBytes: Int, usedBytes: Int)
    /// Neither output nor CPU time for as long as a lease lasts.
    case stalled(seconds: Int)
    case serverStopping
    case leaseLost
}

/// How a child ended.
enum ChildExit: Sendable, Equatable {
    case notStarted
    /// For want of descriptors, processes, memory or room on the disk: nothing that the job could have done otherwise.
    case noResources
    case exited(Int)
    case signaled(Int)
}

/// All that is known at the end of an attempt.
struct AttemptOutcome: Sendable {
    var stop: StopReason?
    var exit: ChildExit
    var result: Data?
    var error: Data?
    /// Whether the next attempt goes on from somewhere later than this one did.
    var advanced = false

    /// What becomes of the job.
    enum Verdict: Sendable, Equatable {
        case finish(JobOutcome)
        case retry(reason: String, countsAttempt: Bool)
        /// Back into the queue as if this attempt had not been.
        case putBack
        /// It is another worker's job now.
        case leave
    }

    /// Decides; the store still turns any of these into `cancelled` when that was asked for.
    ///
    /// - Parameters:
    ///   - attempt: which one this was, from 1.
    ///   - attempts: how many a job gets.
    /// - Returns: what the supervisor writes down.
    func verdict(attempt: Int, attempts: Int) -> Verdict {
        switch stop {
        case .leaseLost: return .leave
        case .cancelled: return .finish(.cancelled)
        case .deadline(let seconds):
            return .finish(.failed(error: failure(.deadlineExceeded, "the job did not end within \(seconds) s")))
        case .memory(let limit, let used):
            let message = "the job needed \(used) bytes of memory; the limit is \(limit)"
            return .finish(
                .failed(
                    error: failure(.memoryLimit, message, [("limit_bytes", .int(limit)), ("used_bytes", .int(used))])))
        case .serverStopping, .stalled, nil: break
        }
        if exit == .exited(0), let result, error == nil { return .finish(.succeeded(result: result)) }
        if stop == .serverStopping { return .putBack }
        if exit == .noResources { return .retry(reason: crash, countsAttempt: false) }
        if let error { return .finish(.failed(error: error)) }
        let reason = crash
        // Whoever gets further each time will end; only attempts that lead nowhere are limited.
        return advanced || attempt < attempts
            ? .retry(reason: reason, countsAttempt: !advanced)
            : .finish(.failed(error: failure(.workerCrashed, "\(reason), \(attempt) times in all")))
    }

    /// The end of the child in words.
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

    private func failure(_ code: ProblemCode, _ message: String, _ figures: [(String, JSONValue)] = []) -> Data {
        let members: [(String, JSONValue)] = [("code", .string(code.rawValue)), ("message", .string(message))]
        return Data(JSONValue.object(JSONValue.Object(members + figures)).text().utf8)
    }

    /// The signals that end processes, by their Linux numbers.
    private static func signalName(_ number: Int) -> String {
        let names = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
            9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
            31: "SIGSYS",
        ]
        return names[number] ?? "signal \(number)"
    }
}
