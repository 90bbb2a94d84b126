import ByteText
import FoundationEssentials

/// The numbers of `/proc/PID/status`.
///
/// - SeeAlso: proc_pid_status(5)
package enum ProcessStatus {
    /// The bytes of a line such as `VmHWM:  1024 kB`; 0 without one.
    package static func bytes(_ key: String, in status: String) -> Int {
        for line in status.splitBytes(at: UInt8(ascii: "\n")) where line.startsWithBytes(of: key) {
            let words = line.dropBytes(key.utf8.count).trimmedBlanks.splitBytes(at: UInt8(ascii: " "))
            return words.first.flatMap { Int($0) }.map { $0 &* 1024 } ?? 0
        }
        return 0
    }

    /// The peak resident memory of this process since its program began; `getrusage(2)` would include its parent's
    /// memory at the fork.
    package static var ownPeakBytes: Int {
        bytes("VmHWM:", in: (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? "")
    }
}
