import Glibc

/// Keeps a second process out of the database. A class because it owns a descriptor that must be closed.
///
/// The lock is `flock`'s: the kernel drops it when its owner ends in whatever way, so no stale lock is ever left.
/// The file stays, with the owner's process id in it for the message that the second process shows.
final class LockFile: Sendable {
    private let descriptor: CInt

    /// Takes the lock, or says who has it.
    ///
    /// - Throws: ``JobsError/inUse(processID:)`` when it is taken, ``JobsError/system(call:code:)`` otherwise.
    init(path: String) throws(JobsError) {
        // SAFETY: the path is a Swift string, which the call sees with its terminating zero.
        descriptor = try systemCall("open") { unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        do throws(JobsError) {
            try systemCall("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            let owner = Self.owner(of: descriptor)
            _ = close(descriptor)
            throw error == JobsError(call: "flock", code: EWOULDBLOCK) ? .inUse(processID: owner) : error
        }
        let text = Array("\(getpid())\n".utf8)
        try systemCall("ftruncate") { ftruncate(descriptor, 0) }
        // SAFETY: the buffer is the array's own and the count is its length.
        _ = try systemCall("pwrite") { Int32(truncatingIfNeeded: unsafe pwrite(descriptor, text, text.count, 0)) }
    }

    deinit { _ = close(descriptor) }

    private static func owner(of descriptor: CInt) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 20)
        // SAFETY: at most as many bytes as the array holds are read.
        let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: bytes.prefix(count).prefix { $0 != 10 }, as: UTF8.self))
    }
}

/// Calls C, again when a signal came between, and turns -1 into an error that names the call.
@discardableResult
func systemCall(_ name: String, _ body: () -> CInt) throws(JobsError) -> CInt {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw JobsError(call: name, code: code) }
    }
}
