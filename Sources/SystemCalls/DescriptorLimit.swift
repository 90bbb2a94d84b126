import Glibc

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
        var held: [FileDescriptor] = []
        while held.count < count {
            // Copies standard error, which every process has, so that no file has to be opened.
            let raw = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
            guard raw >= 0 else { return errno == EBADF }
            held.append(FileDescriptor(raw))
        }
        return true
    }
}
