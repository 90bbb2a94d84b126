import Dispatch
import Glibc
package import JobContract
import SystemCalls

/// Ends the process when its time is over, after removing partial output, unless it has a result to end with. A class
/// because it owns a timer.
package final class Deadline {
    private let timer: any DispatchSourceTimer

    /// - Parameters:
    ///   - seconds: time from now on.
    ///   - expired: reports the timeout before the process ends.
    package init(seconds: Int, expired: @escaping @Sendable () -> Void) {
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "deadline"))
        timer.schedule(deadline: .now() + .seconds(seconds))
        timer.setEventHandler {
            // The search ends by itself, and what it has found is only verified and written.
            if EndRequest.hasResult { return }
            expired()
            AtomicOutput.abandonAll()
            // Not `exit`: it would tear down state that the working thread still uses.
            _exit(Problem.timeout(seconds: seconds).exitStatus)
        }
        timer.activate()
    }

    deinit { timer.cancel() }
}

extension Problem {
    package static func timeout(seconds: Int) -> Problem {
        Problem(.deadlineExceeded, "the work did not end within \(seconds) s")
    }
}
