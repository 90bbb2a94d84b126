import CProcess
import Glibc

/// An open descriptor, closed with its last owner. A class because readers and the process they belong to share it.
final class Descriptor: Sendable {
    let raw: CInt

    init(_ raw: CInt) { self.raw = raw }

    deinit { _ = Glibc.close(raw) }

    /// A pipe, whose ends no other program inherits.
    static func pipe() throws(JobsError) -> (read: Descriptor, write: Descriptor) {
        var ends: (CInt, CInt) = (-1, -1)
        // SAFETY: the call writes two descriptors, and the pair is two of them one behind the other.
        try systemCall("pipe2") {
            unsafe withUnsafeMutablePointer(to: &ends) {
                unsafe $0.withMemoryRebound(to: CInt.self, capacity: 2) { unsafe pipe2($0, O_CLOEXEC) }
            }
        }
        return (Descriptor(ends.0), Descriptor(ends.1))
    }

    /// What waits to be read, up to a number of bytes; none at the end.
    func read(upTo count: Int) throws(JobsError) -> [UInt8] {
        var failure: JobsError?
        // SAFETY: the call is told the capacity of the buffer, and says how many bytes it has written.
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

/// The descriptors that this process may have open.
package enum DescriptorLimit {
    /// What one process of a job takes for a moment while it is started: three pipes, the process itself, and some room.
    package static let perProcess = 16
    /// What the server itself wants beside its connections: the database, the log, files that are being written.
    package static let own = 64

    /// The current limit.
    package static var current: Int {
        var limits = rlimit()
        // SAFETY: `limits` is what the call fills.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return 1024 }
        return Int(clamping: limits.rlim_cur)
    }

    /// Raises the limit to the most that the system lets this process have.
    ///
    /// - Returns: the limit that holds from now on
    package static func raise() -> Int {
        var limits = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        // SAFETY: `limits` lives through both calls; the first fills it, the second only reads it.
        guard unsafe getrlimit(resource, &limits) == 0 else { return current }
        limits.rlim_cur = limits.rlim_max
        _ = unsafe setrlimit(resource, &limits)
        return current
    }

    /// Whether so many descriptors could be opened right now.
    package static func hasRoom(for count: Int) -> Bool {
        var held: [Descriptor] = []
        while held.count < count {
            // Of standard error, which every process has: no file has to be found or opened for a copy of it.
            let raw = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
            guard raw >= 0 else { return errno == EBADF }
            held.append(Descriptor(raw))
        }
        return true
    }
}
