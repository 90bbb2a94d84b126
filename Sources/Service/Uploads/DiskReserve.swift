import Glibc
import JobContract
import Jobs
import Synchronization

/// A class, because everybody who needs it gives up the same file. Some room on the disk, held by a file of no meaning, so that
/// what frees room (deleting, cancelling) can be written down when nothing else can.
final class DiskReserve: Sendable {
    private let folder: String
    private let bytes: Int
    private let lock = Mutex(())

    /// - Parameters:
    ///   - dataDirectory: whose disk it is
    ///   - bytes: what writing down the deletion of the largest job may take
    init(dataDirectory: String, bytes: Int = 16 << 20) {
        folder = dataDirectory
        self.bytes = bytes
        restore()
    }

    private var path: String { folder + "/reserve" }

    /// What is given up at a time.
    private static let slice = 4 << 20

    /// Takes the room back, if the disk has it now.
    func restore() {
        // Without room for all of it, what is held already is held on.
        withFile { _ = posix_fallocate($0, 0, off_t(bytes)) }
    }

    /// Does something that must succeed on a full disk as well; the reserve is given up for it, slice by slice.
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

    /// - Returns: whether there was anything left to give up
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
            // SAFETY: the path is a Swift string, which the call sees with its terminating zero.
            let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { return }
            body(descriptor)
            _ = close(descriptor)
        }
    }
}
