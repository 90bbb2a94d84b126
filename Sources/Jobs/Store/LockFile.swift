import Glibc
import SystemCalls

/// The lock that keeps a second process out of the database. It is held while the value or a copy of it lives.
///
/// It uses `flock`: the kernel releases the lock when its owner ends in any way, so there are no stale locks. The file
/// is kept and holds the owner's process id for the error message of a second process.
struct LockFile: Sendable {
    private let descriptor: FileDescriptor

    /// Takes the lock.
    ///
    /// - Throws: ``JobsError/inUse(processID:)`` when it is taken, ``JobsError/system(_:)`` for other failures
    init(path: String) throws(JobsError) {
        do throws(SystemError) {
            descriptor = try FileDescriptor(opening: path, O_RDWR | O_CREAT)
        } catch {
            throw JobsError(error)
        }
        let raw = descriptor.raw
        do throws(SystemError) {
            try systemCall("flock") { flock(raw, LOCK_EX | LOCK_NB) }
            let text = Array("\(getpid())\n".utf8)
            try systemCall("ftruncate") { ftruncate(raw, 0) }
            // SAFETY: the buffer is the array's own memory and the count is its length.
            try systemCall("pwrite") { unsafe pwrite(raw, text, text.count, 0) }
        } catch {
            throw error == SystemError(call: "flock", code: EWOULDBLOCK)
                ? .inUse(processID: Self.owner(of: descriptor)) : JobsError(error)
        }
    }

    private static func owner(of descriptor: FileDescriptor) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 20)
        // SAFETY: the call reads at most as many bytes as the array holds.
        let count = unsafe pread(descriptor.raw, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: bytes.prefix(count).prefix { $0 != 10 }, as: UTF8.self))
    }
}
