import Dispatch
import Foundation
import Glibc
import JobContract
import Synchronization
import SystemCalls

/// Writes log lines on a thread of its own, so that a stalled reader of the log blocks nothing. Lines that do not fit
/// the queue are dropped and counted, and the count is logged. A class because it owns the queue.
package final class LogWriter: Sendable {
    private struct State {
        var lines: [String] = []
        var bytes = 0
        var dropped = 0
        var isWriting = false
    }

    private let descriptor: CInt
    private let limitBytes: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "service.log")

    /// - Parameters:
    ///   - descriptor: the descriptor to write to; 1 is standard output
    ///   - limitBytes: the most bytes that may wait to be written
    package init(descriptor: CInt = 1, limitBytes: Int = 1 << 20) {
        (self.descriptor, self.limitBytes) = (descriptor, limitBytes)
    }

    /// The number of dropped lines not reported yet.
    package var dropped: Int { state.withLock(\.dropped) }

    /// Queues a line without waiting.
    package func write(_ line: String) {
        let starts = state.withLock { state in
            guard state.bytes + line.utf8.count < limitBytes else {
                state.dropped += 1
                return false
            }
            state.lines.append(line)
            state.bytes += line.utf8.count + 1
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { queue.async { self.drain() } }
    }

    /// Waits until the queue is written, at most for `time`, before the process ends.
    package func flush(within time: Duration = .seconds(1)) {
        let deadline = ContinuousClock.now + time
        while state.withLock({ $0.isWriting }), ContinuousClock.now < deadline { usleep(1000) }
    }

    private func drain() {
        while true {
            let text: String? = state.withLock { state in
                var lines = state.lines
                if state.dropped > 0 { lines.append(Self.note(state.dropped)) }
                (state.lines, state.bytes, state.dropped) = ([], 0, 0)
                state.isWriting = !lines.isEmpty
                return lines.isEmpty ? nil : lines.joined(separator: "\n") + "\n"
            }
            guard let text else { return }
            let bytes = Array(text.utf8)
            // A log that cannot be written is no reason to stop.
            try? FileDescriptor.write(bytes.span, to: descriptor)
        }
    }

    /// A time in the format of the log lines, such as `2026-11-29T13:24:58.123Z` (RFC 3339).
    static func text(of time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func note(_ dropped: Int) -> String {
        let document: JSONValue = [
            "time": .string(text(of: .now)), "level": "warning",
            "message": "lines of the log were dropped", "dropped": .int(dropped),
        ]
        return document.text()
    }
}
