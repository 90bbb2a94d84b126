import Glibc
import JobContract
import Jobs
import Synchronization
import SystemCalls

/// Disk space held by a file without content, so that actions that free room (deleting, cancelling) can be recorded on
/// a full disk. A class because all users release the same file.
final class DiskReserve: Sendable {
    private let folder: String
    private let bytes: Int
    private let lock = Mutex(())

    /// - Parameters:
    ///   - dataDirectory: a folder on the disk
    ///   - bytes: the room to record the deletion of the largest job
    init(dataDirectory: String, bytes: Int = 16 << 20) {
        folder = dataDirectory
        self.bytes = bytes
        restore()
    }

    private var path: String { folder + "/reserve" }

    /// The bytes released at a time.
    private static let slice = 4 << 20

    /// Refills the reserve, if the disk has room now.
    func restore() {
        // Without room for all of it, the present part is kept.
        withFile { _ = posix_fallocate($0, 0, off_t(bytes)) }
    }

    /// Runs work that must succeed even on a full disk, and releases the reserve for it slice by slice.
    func spend<Value: Sendable>(
        _ work: @Sendable () async throws(JobsError) -> Value
    ) async throws(JobsError) -> Value {
        while true {
            do throws(JobsError) {
                return try await work()
            } catch {
                guard error == .diskFull, giveUpSlice() else { throw error }
            }
        }
    }

    /// - Returns: true when there was anything left to release
    private func giveUpSlice() -> Bool {
        var isSmaller = false
        withFile { descriptor in
            let length = lseek(descriptor, 0, SEEK_END)
            isSmaller = length > 0 && ftruncate(descriptor, max(0, length - off_t(Self.slice))) == 0
        }
        return isSmaller
    }

    private func withFile(_ body: (CInt) -> Void) {
        lock.withLock { _ in
            guard let file = try? FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW) else { return }
            body(file.raw)
        }
    }
}
