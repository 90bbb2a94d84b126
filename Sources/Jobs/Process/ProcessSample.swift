import ByteText
import FoundationEssentials
import Glibc
import JobContract

/// The state and resource use of a process at one moment.
///
/// - SeeAlso: proc_pid_stat(5), proc_pid_status(5)
package struct ProcessSample: Sendable, Equatable {
    /// True when all of its threads have ended and it waits to be reaped, or it is not a child of this process.
    var hasEnded: Bool
    /// The CPU time of the process and of the children it has reaped.
    var cpuSeconds: Double
    /// The resident memory without a file behind it (`RssAnon`); 0 after its end.
    var anonymousBytes: Int
    /// The peak resident memory (`VmHWM`); 0 after its end.
    var peakBytes: Int

    /// Samples a child that is not reaped yet.
    static func read(_ process: pid_t) -> ProcessSample {
        // Called first, so that the files are at least as new. They cannot show the end: a process whose first thread
        // has ended looks like a zombie while its other threads run.
        var information = unsafe siginfo_t()
        // SAFETY: the call writes one `siginfo_t`, and `information` lives through it.
        let answer = unsafe waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
        return ProcessSample(
            hasEnded: unsafe answer != 0 || information.si_signo != 0, stat: text("/proc/\(process)/stat"),
            status: text("/proc/\(process)/status"), ticksPerSecond: max(1, sysconf(CInt(_SC_CLK_TCK))))
    }

    /// Parses the two files; missing values are 0.
    init(hasEnded: Bool, stat: String, status: String, ticksPerSecond: Int) {
        self.hasEnded = hasEnded
        // The name, in parentheses, may itself contain blanks and parentheses: the fields begin after the last `)`.
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
