import Glibc
import JobContract

/// The resources used by this process so far.
package enum ProcessUsage {
    /// The peak resident memory.
    package static var peakMemoryBytes: Int { ProcessStatus.ownPeakBytes }

    /// The CPU time in user and kernel mode, over all threads.
    package static var cpuSeconds: Double { seconds(usage.ru_utime) + seconds(usage.ru_stime) }

    private static var usage: rusage {
        var usage = rusage()
        // SAFETY: the call fills the structure; with `RUSAGE_SELF` it cannot fail.
        _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
