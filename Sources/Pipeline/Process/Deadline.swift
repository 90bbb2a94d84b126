import Dispatch
import Glibc
package import JobContract

/// A class, because it owns a timer. Ends the process when its time is over, after what is half written was removed.
package final class Deadline {
    private let timer: any DispatchSourceTimer

    /// - Parameters:
    ///   - seconds: from now on.
    ///   - expired: says so to whoever waits.
    package init(seconds: Int, expired: @escaping @Sendable () -> Void) {
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "deadline"))
        timer.schedule(deadline: .now() + .seconds(seconds))
        timer.setEventHandler {
            expired()
            AtomicOutput.abandonAll()
            // Not `exit`: what it tears down is still in use by the thread that works.
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
