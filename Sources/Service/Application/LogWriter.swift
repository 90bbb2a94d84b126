import Dispatch
import Foundation
import Glibc
import JobContract
import Synchronization

/// A class, because it owns the queue between those who log and the one who writes. Writes lines on a thread of its own: a reader
/// of the log that stalls holds up nobody. Lines that the queue has no room for are dropped, counted, and the count is logged.
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
    ///   - descriptor: where to write; 1 is standard output
    ///   - limitBytes: what may wait to be written
    package init(descriptor: CInt = 1, limitBytes: Int = 1 << 20) {
        self.descriptor = descriptor
        self.limitBytes = limitBytes
    }

    /// Lines that were dropped and not told of yet.
    package var dropped: Int { state.withLock(\.dropped) }

    /// Has a line written, without waiting for it.
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

    /// Waits until what was logged is written, and no longer than a moment: for a process that is about to end.
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
            var written = 0
            while written < bytes.count {
                let rest = bytes[written...]
                // SAFETY: the buffer is the slice's own memory and the count its length.
                let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                // A log that cannot be written is no reason to stop.
                guard count > 0 else { break }
                written += count
            }
        }
    }

    /// A time as every line has it, such as `2026-11-29T13:24:58.123Z` (RFC 3339).
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
