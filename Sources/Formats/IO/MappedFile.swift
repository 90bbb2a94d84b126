import Glibc
import SystemCalls

/// Owns a read-only mapping of a regular file.
// @unchecked: the bytes are never written, and unmapped only after the last reference is released.
@safe package final class MappedFile: @unchecked Sendable {
    let start: UnsafeRawPointer?
    package let byteCount: Int
    /// The last part of the path.
    package let name: String

    /// The status of the open file, for checks of its links.
    let status: stat

    /// Maps a file.
    ///
    /// - Parameters:
    ///   - path: the path of the file.
    ///   - folder: the descriptor of the folder that `path` is relative to; the current one by default.
    /// - Throws: ``FormatError/unreadable(_:reason:)``; a symbolic link is not followed.
    package init(_ path: String, in folder: CInt = AT_FDCWD) throws(FormatError) {
        // Without O_NONBLOCK, opening a pipe would wait for a writer.
        let descriptor: FileDescriptor
        do throws(SystemError) {
            descriptor = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: folder)
        } catch {
            throw .unreadable(path, reason: error.reason)
        }
        var status = stat()
        guard unsafe fstat(descriptor.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path, reason: "it is not a regular file")
        }
        self.status = status
        name = path.fileName
        byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            unsafe start = nil
            return
        }
        // SAFETY: the kernel chooses the address; the mapping has the length of the file and is private.
        let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor.raw, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw .unreadable(path, reason: SystemError(call: "mmap").reason)
        }
        unsafe start = UnsafeRawPointer(address)
    }

    deinit { if let start = unsafe start { unsafe munmap(UnsafeMutableRawPointer(mutating: start), byteCount) } }

    /// All bytes; valid as long as this object.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: byteCount) }
}
