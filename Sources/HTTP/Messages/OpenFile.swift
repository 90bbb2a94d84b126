/// A file that is sent. A class, because it owns the descriptor for as long as an answer needs it.
package final class OpenFile: Sendable {
    let descriptor: FileDescriptor
    package let length: Int

    /// Opens a regular file, and no symbolic link.
    ///
    /// - Throws: ``SystemError``
    package init(path: String) throws(SystemError) {
        descriptor = try Syscalls.openFile(path)
        length = try Syscalls.length(ofFile: descriptor.raw)
    }
}
