import CProcess
import Glibc

/// An open descriptor, closed with its last reference. A class because readers and their process share it.
final class Descriptor: Sendable {
    let raw: CInt

    init(_ raw: CInt) { self.raw = raw }

    deinit { _ = Glibc.close(raw) }

    /// Makes a pipe whose ends are not inherited by other programs.
    static func pipe() throws(JobsError) -> (read: Descriptor, write: Descriptor) {
        var ends: (CInt, CInt) = (-1, -1)
        // SAFETY: the call writes two descriptors, and a pair of `CInt` is two adjacent ones.
        try systemCall("pipe2") {
            unsafe withUnsafeMutablePointer(to: &ends) {
                unsafe $0.withMemoryRebound(to: CInt.self, capacity: 2) { unsafe pipe2($0, O_CLOEXEC) }
            }
        }
        return (Descriptor(ends.0), Descriptor(ends.1))
    }

    /// Reads up to `count` bytes; empty at the end.
    func read(upTo count: Int) throws(JobsError) -> [UInt8] {
        var failure: JobsError?
        // SAFETY: the buffer has room for `count` bytes, and the call returns how many it has written.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(JobsError) {
                let base = buffer.baseAddress
                filled = Int(
                    try systemCall("read") { CInt(truncatingIfNeeded: unsafe Glibc.read(raw, base, count)) })
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// The limit on this process's open descriptors.
package enum DescriptorLimit {
    /// The number of descriptors needed while a process is started: three pipes, the process descriptor, and a margin.
    package static let perProcess = 16
    /// The number of descriptors that the server needs besides connections: the database, the log, files being written.
    package static let own = 64

    /// The current soft limit.
    package static var current: Int {
        var limits = rlimit()
        // SAFETY: the call fills `limits`.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return 1024 }
        return Int(clamping: limits.rlim_cur)
    }

    /// Raises the soft limit to the hard limit.
    ///
    /// - Returns: the new limit
    package static func raise() -> Int {
        var limits = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        // SAFETY: `limits` lives through both calls; the first fills it, the second only reads it.
        guard unsafe getrlimit(resource, &limits) == 0 else { return current }
        limits.rlim_cur = limits.rlim_max
        _ = unsafe setrlimit(resource, &limits)
        return current
    }

    /// Returns whether `count` more descriptors can be opened now.
    package static func hasRoom(for count: Int) -> Bool {
        var held: [Descriptor] = []
        while held.count < count {
            // Copies standard error, which every process has, so that no file has to be opened.
            let raw = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
            guard raw >= 0 else { return errno == EBADF }
            held.append(Descriptor(raw))
        }
        return true
    }
}
