import Compute
import Glibc
import Synchronization

/// The time that this process's plans take, by kind of step. It is written as JSON to the file that the environment
/// variable `LAYERCOLLAPSE_PROFILE` names, each time a plan is released; without the variable nothing is measured.
final class StepProfile: Sendable {
    /// The phase of a plan that a step belongs to.
    enum Phase: String { case forward, backward, update }

    /// The totals of the steps of one name and phase.
    private struct Entry {
        var calls = 0
        var seconds = 0.0
        var operations = 0.0
        var bytes = 0.0
    }

    static let shared: StepProfile? = unsafe getenv("LAYERCOLLAPSE_PROFILE").map {
        StepProfile(path: unsafe String(cString: $0))
    }

    private let path: String
    private let entries = Mutex<[String: Entry]>([:])

    private init(path: String) { self.path = path }

    /// Adds the calls of a step.
    func record(_ step: Step, _ phase: Phase, calls: Int, nanoseconds: UInt64) {
        let key = #""name": "\#(step.name)", "phase": "\#(phase.rawValue)""#
        entries.withLock {
            $0[key, default: Entry()].calls += calls
            $0[key, default: Entry()].seconds += Double(nanoseconds) / 1e9
            $0[key, default: Entry()].operations += Double(calls) * Double(step.operationCount)
            $0[key, default: Entry()].bytes += Double(calls) * Double(step.byteCount)
        }
    }

    /// Writes the totals so far. A file that cannot be written does not fail the training.
    func write() {
        let rows = entries.withLock { $0 }.sorted { $0.value.seconds > $1.value.seconds }.map { key, entry in
            #"  {\#(key), "calls": \#(entry.calls), "seconds": \#(entry.seconds), "flops": \#(entry.operations), "#
                + #""bytes": \#(entry.bytes)}"#
        }
        guard let file = unsafe fopen(path, "w") else { return }
        defer { unsafe fclose(file) }
        let text = "{\"steps\": [\n" + rows.joined(separator: ",\n") + "\n]}\n"
        unsafe fputs(text, file)
    }

    /// The nanoseconds of the monotonic clock.
    static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
