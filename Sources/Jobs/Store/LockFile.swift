import Glibc

/// The lock that keeps a second process out of the database. It is held while the value or a copy of it lives.
///
/// It uses `flock`: the kernel releases the lock when its owner ends in any way, so there are no stale locks. The file
/// is kept and holds the owner's process id for the error message of a second process.
struct LockFile: Sendable {
    private let descriptor: Descriptor

    /// Takes the lock.
    ///
    /// - Throws: ``JobsError/inUse(processID:)`` when it is taken, ``JobsError/system(call:code:)`` for other failures
    init(path: String) throws(JobsError) {
        // SAFETY: Swift passes the string with its terminating zero.
        let descriptor = Descriptor(
            try systemCall("open") { unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) })
        self.descriptor = descriptor
        do throws(JobsError) {
            try systemCall("flock") { flock(descriptor.raw, LOCK_EX | LOCK_NB) }
        } catch {
            throw error == JobsError(call: "flock", code: EWOULDBLOCK)
                ? .inUse(processID: Self.owner(of: descriptor)) : error
        }
        let text = Array("\(getpid())\n".utf8)
        try systemCall("ftruncate") { ftruncate(descriptor.raw, 0) }
        // SAFETY: the buffer is the array's own memory and the count is its length.
        _ = try systemCall("pwrite") { Int32(truncatingIfNeeded: unsafe pwrite(descriptor.raw, text, text.count, 0)) }
    }

    private static func owner(of descriptor: Descriptor) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 20)
        // SAFETY: the call reads at most as many bytes as the array holds.
        let count = unsafe pread(descriptor.raw, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: bytes.prefix(count).prefix { $0 != 10 }, as: UTF8.self))
    }
}
