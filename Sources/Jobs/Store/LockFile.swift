import Glibc

/// The lock that keeps a second process out of the database. A class because it owns a descriptor that must be closed.
///
/// It uses `flock`: the kernel releases the lock when its owner ends in any way, so there are no stale locks. The file
/// is kept and holds the owner's process id for the error message of a second process.
final class LockFile: Sendable {
    private let descriptor: CInt

    /// Takes the lock.
    ///
    /// - Throws: ``JobsError/inUse(processID:)`` when it is taken, ``JobsError/system(call:code:)`` for other failures
    init(path: String) throws(JobsError) {
        // SAFETY: Swift passes the string with its terminating zero.
        descriptor = try systemCall("open") { unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        do throws(JobsError) {
            try systemCall("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            let owner = Self.owner(of: descriptor)
            // The descriptor is closed by the deinitialiser, which also runs here.
            throw error == JobsError(call: "flock", code: EWOULDBLOCK) ? .inUse(processID: owner) : error
        }
        let text = Array("\(getpid())\n".utf8)
        try systemCall("ftruncate") { ftruncate(descriptor, 0) }
        // SAFETY: the buffer is the array's own memory and the count is its length.
        _ = try systemCall("pwrite") { Int32(truncatingIfNeeded: unsafe pwrite(descriptor, text, text.count, 0)) }
    }

    deinit { _ = close(descriptor) }

    private static func owner(of descriptor: CInt) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 20)
        // SAFETY: the call reads at most as many bytes as the array holds.
        let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: bytes.prefix(count).prefix { $0 != 10 }, as: UTF8.self))
    }
}

/// Runs a system call, repeats it after EINTR, and turns -1 into an error that names the call.
@discardableResult
func systemCall(_ name: String, _ body: () -> CInt) throws(JobsError) -> CInt {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw JobsError(call: name, code: code) }
    }
}
