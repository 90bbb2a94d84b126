package import Glibc

/// A file that is being written. A class because it owns a descriptor.
///
/// Written bytes survive a power loss only after ``finish()`` has returned and the folder was synchronised after the
/// file got its name.
package final class DurableFile {
    private let descriptor: CInt
    package let path: String

    /// Creates a file that must not exist yet.
    ///
    /// - Parameters:
    ///   - path: the path of the file
    ///   - mode: the permissions before the umask; by default only this user's, because clients' data are private
    /// - Throws: ``StorageError``
    package init(creating path: String, mode: mode_t = 0o600) throws(StorageError) {
        self.path = path
        // SAFETY: here and below a path is a Swift string, which the call gets with its terminating zero.
        descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw StorageError("open") }
    }

    deinit { _ = Glibc.close(descriptor) }

    package func write(_ bytes: Span<UInt8>) throws(StorageError) {
        var written = 0
        while written < bytes.count {
            let rest = bytes.extracting(written..<bytes.count)
            // SAFETY: the buffer is the span's own memory and is not kept.
            let count = unsafe rest.withUnsafeBufferPointer { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError("write") }
            written += count
        }
    }

    package func finish() throws(StorageError) {
        guard Glibc.fsync(descriptor) == 0 else { throw StorageError("fsync") }
    }

    /// Writes a whole file.
    package static func write(_ text: String, creating path: String, mode: mode_t = 0o600) throws(StorageError) {
        let file = try DurableFile(creating: path, mode: mode)
        let bytes = Array(text.utf8)
        try file.write(bytes.span)
        try file.finish()
    }

    /// Makes the bytes of a file written by other code durable.
    package static func synchronise(_ path: String) throws(StorageError) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw StorageError("open") }
        defer { _ = Glibc.close(descriptor) }
        guard Glibc.fsync(descriptor) == 0 else { throw StorageError("fsync") }
    }

    /// Makes the names in a folder durable.
    package static func synchroniseFolder(_ path: String) throws(StorageError) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError("open") }
        defer { _ = Glibc.close(descriptor) }
        guard Glibc.fsync(descriptor) == 0 else { throw StorageError("fsync") }
    }

    /// Creates a folder unless it exists; other users have no access to it.
    package static func makeFolder(_ path: String) throws(StorageError) {
        guard unsafe Glibc.mkdir(path, 0o700) == 0 || errno == EEXIST else { throw StorageError("mkdir") }
    }

    /// The names in a folder, sorted by their bytes; none when there is no such folder.
    package static func names(in path: String) throws(StorageError) -> [String] {
        guard let folder = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw StorageError("opendir")
        }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            // SAFETY: `readdir` returns an entry that is valid until the next call; its name ends with a zero.
            guard let entry = unsafe readdir(folder) else { break }
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw StorageError("readdir") }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package static func move(_ old: String, to new: String) throws(StorageError) {
        guard unsafe Glibc.rename(old, new) == 0 else { throw StorageError("rename") }
    }

    /// Adds a second name (hard link) to a file; the bytes exist until the last name is removed.
    package static func link(_ old: String, to new: String) throws(StorageError) {
        guard unsafe Glibc.link(old, new) == 0 else { throw StorageError("link") }
    }

    /// Copies a file inside the kernel.
    package static func copy(_ old: String, to new: String) throws(StorageError) {
        let source = unsafe Glibc.open(old, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw StorageError("open") }
        defer { _ = Glibc.close(source) }
        let copy = try DurableFile(creating: new)
        while true {
            // Without an offset, the call uses and moves the source's own position.
            let count = Glibc.sendfile(copy.descriptor, source, nil, 1 << 30)
            if count == 0 { break }
            guard count > 0 || errno == EINTR else { throw StorageError("sendfile") }
        }
        try copy.finish()
    }
}
