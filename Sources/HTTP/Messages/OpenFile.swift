import Glibc
package import SystemCalls

/// An open file that is sent as a body. A class because it owns the descriptor.
package final class OpenFile: Sendable {
    let descriptor: FileDescriptor
    package let length: Int

    /// Opens a regular file without following a symbolic link.
    ///
    /// - Throws: ``SystemError`` when the file cannot be opened or is not a regular file
    package init(path: String) throws(SystemError) {
        descriptor = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW)
        length = try Syscalls.length(ofFile: descriptor.raw)
    }
}
