import ByteText
import FoundationEssentials
import Glibc
import JobContract

/// What the kernel says about a process at one moment.
///
/// - SeeAlso: proc_pid_stat(5), proc_pid_status(5)
package struct ProcessSample: Sendable, Equatable {
    /// All of its threads have ended and it waits to be reaped, or it is no child of ours.
    var hasEnded: Bool
    /// Its own CPU time and that of the children it has reaped.
    var cpuSeconds: Double
    /// Memory that no file stands behind (`RssAnon`); 0 once it has ended.
    var anonymousBytes: Int
    /// The most memory of any kind that it ever held (`VmHWM`); 0 once it has ended.
    var peakBytes: Int

    /// Looks at a child that nobody has reaped yet.
    static func read(_ process: pid_t) -> ProcessSample {
        // Asked first: what the files say is then at least as new. They cannot answer it themselves, since a process
        // whose first thread has ended looks like a zombie while its other threads run on.
        var information = unsafe siginfo_t()
        // SAFETY: `information` lives through the call, which writes one `siginfo_t`.
        let answer = unsafe waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
        return ProcessSample(
            hasEnded: unsafe answer != 0 || information.si_signo != 0, stat: text("/proc/\(process)/stat"),
            status: text("/proc/\(process)/status"), ticksPerSecond: max(1, sysconf(CInt(_SC_CLK_TCK))))
    }

    /// Reads the two files; what they do not say is 0.
    init(hasEnded: Bool, stat: String, status: String, ticksPerSecond: Int) {
        self.hasEnded = hasEnded
        // The name, in parentheses, may hold blanks and parentheses itself: the fields begin after the last one.
        let fields = stat.splitBytes(at: UInt8(ascii: ")")).last?.splitBytes(at: UInt8(ascii: " ")) ?? []
        let ticks = fields.count > 14 ? fields[11...14].compactMap { Int($0) }.reduce(0, &+) : 0
        cpuSeconds = Double(ticks) / Double(ticksPerSecond)
        anonymousBytes = ProcessStatus.bytes("RssAnon:", in: status)
        peakBytes = ProcessStatus.bytes("VmHWM:", in: status)
    }

    private static func text(_ path: String) -> String {
        (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
