import Foundation
import Testing

@testable import Jobs

struct AttemptOutcomeTests {
    private let result = Data("r")
    private let error = Data(#"{"code":"nan_loss"}"#)

    private func verdict(
        _ exit: ChildExit, stop: StopReason? = nil, result: Data? = nil, error: Data? = nil, attempt: Int = 1,
        advanced: Bool = false
    ) -> AttemptOutcome.Verdict {
        AttemptOutcome(stop: stop, exit: exit, result: result, error: error, advanced: advanced)
            .verdict(attempt: attempt, attempts: 3)
    }

    @Test func `exit code 0 with a result is success`() {
        #expect(verdict(.exited(0), result: result) == .finish(.succeeded(result: result)))
    }

    @Test(arguments: [ChildExit.exited(0), .exited(1), .signaled(11)])
    func `an error that the worker reports is final`(exit: ChildExit) {
        #expect(verdict(exit, error: error) == .finish(.failed(error: error)))
        #expect(verdict(exit, result: result, error: error) == .finish(.failed(error: error)))
    }

    @Test(arguments: [
        (ChildExit.signaled(9), "the worker was ended by SIGKILL"), (.signaled(11), "the worker was ended by SIGSEGV"),
        (.signaled(40), "the worker was ended by signal 40"), (.exited(70), "the worker ended with exit code 70"),
        (.exited(0), "the worker ended without a result"), (.notStarted, "the worker could not be started"),
    ])
    func `a crash is tried again until the last attempt, which fails with its name`(exit: ChildExit, reason: String) {
        #expect(verdict(exit) == .retry(reason: reason, countsAttempt: true))
        #expect(verdict(exit, attempt: 2) == .retry(reason: reason, countsAttempt: true))
        let text = #"{"code":"worker_crashed","message":"\#(reason), 3 times in all"}"#
        #expect(verdict(exit, attempt: 3) == .finish(.failed(error: Data(text))))
    }

    @Test func `a crash after a checkpoint does not count, and the last attempt may have more of them`() {
        for attempt in 1...3 {
            #expect(
                verdict(.signaled(9), attempt: attempt, advanced: true)
                    == .retry(reason: "the worker was ended by SIGKILL", countsAttempt: false))
        }
        #expect(verdict(.exited(1), error: error, advanced: true) == .finish(.failed(error: error)))
        #expect(verdict(.exited(0), stop: .cancelled, advanced: true) == .finish(.cancelled))
    }

    @Test func `a result counts only with exit code 0`() {
        #expect(
            verdict(.exited(1), result: result)
                == .retry(reason: "the worker ended with exit code 1", countsAttempt: true))
        #expect(
            verdict(.signaled(15), result: result)
                == .retry(reason: "the worker was ended by SIGTERM", countsAttempt: true))
    }

    @Test func `a limit that was passed is final and says its figures`() {
        let memory = verdict(.signaled(9), stop: .memory(limitBytes: 10, usedBytes: 12), result: result)
        let text = """
            {"code":"memory_limit","message":"the job needed 12 bytes of memory; the limit is 10",\
            "limit_bytes":10,"used_bytes":12}
            """
        #expect(memory == .finish(.failed(error: Data(text))))
        let late = #"{"code":"deadline_exceeded","message":"the job did not end within 5 s"}"#
        #expect(verdict(.exited(0), stop: .deadline(seconds: 5), result: result) == .finish(.failed(error: Data(late))))
    }

    @Test func `a stop of the server puts the job back unless it had succeeded`() {
        #expect(verdict(.signaled(15), stop: .serverStopping, attempt: 3) == .putBack)
        #expect(verdict(.exited(1), stop: .serverStopping, error: error) == .putBack)
        #expect(verdict(.exited(0), stop: .serverStopping, result: result) == .finish(.succeeded(result: result)))
    }

    @Test func `a worker that stood still is tried again`() {
        #expect(
            verdict(.signaled(9), stop: .stalled(seconds: 60))
                == .retry(reason: "the worker made no progress for 60 s", countsAttempt: true))
    }

    @Test func `cancelled is cancelled and a lost lease is nobody's`() {
        #expect(verdict(.exited(0), stop: .cancelled, result: result) == .finish(.cancelled))
        #expect(verdict(.exited(0), stop: .leaseLost, result: result) == .leave)
    }
}
