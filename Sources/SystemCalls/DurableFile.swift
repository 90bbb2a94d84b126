import Glibc

/// A file that is being written. A class because it owns a descriptor.
///
/// Written bytes survive a power loss only after ``finish()`` has returned and the folder was synchronised after the
/// file got its name.
package final class DurableFile {
    private let descriptor: FileDescriptor
    package let path: String

    /// Creates a file that must not exist yet.
    ///
    /// - Parameters:
    ///   - path: the path of the file
    ///   - mode: the permissions before the umask; by default only this user's, because clients' data are private
    /// - Throws: ``SystemError``
    package init(creating path: String, mode: UInt32 = 0o600) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
    }

    package func write(_ bytes: RawSpan) throws(SystemError) { try descriptor.write(bytes) }

    package func write(_ bytes: Span<UInt8>) throws(SystemError) { try descriptor.write(bytes) }

    package func finish() throws(SystemError) { try descriptor.synchronise() }

    /// Replaces a file by a new one: written under a temporary name, made durable, then renamed.
    ///
    /// - Parameters:
    ///   - path: the path of the file
    ///   - mode: the permissions before the umask
    ///   - body: writes the bytes
    /// - Throws: ``SystemError``; the old file is unchanged then
    package static func replace(
        _ path: String, mode: UInt32, by body: (DurableFile) throws(SystemError) -> Void
    ) throws(SystemError) {
        let temporary = path + ".partial"
        // A process that was killed may have left one.
        _ = unsafe unlink(temporary)
        do throws(SystemError) {
            let file = try DurableFile(creating: temporary, mode: mode)
            try body(file)
            try file.finish()
            try move(temporary, to: path)
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        try synchroniseFolder(slash.map { String(path[...$0]) } ?? ".")
    }

    /// Writes a whole file.
    package static func write(_ text: String, creating path: String, mode: UInt32 = 0o600) throws(SystemError) {
        let file = try DurableFile(creating: path, mode: mode)
        let bytes = Array(text.utf8)
        try file.write(bytes.span)
        try file.finish()
    }

    /// Makes the bytes of a file written by other code durable.
    package static func synchronise(_ path: String) throws(SystemError) {
        try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW).synchronise()
    }

    /// Makes the names in a folder durable.
    package static func synchroniseFolder(_ path: String) throws(SystemError) {
        try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY).synchronise()
    }

    /// The bytes that this user may still write to the file system of a folder.
    package static func freeBytes(at path: String) throws(SystemError) -> Int {
        var status = statvfs()
        // SAFETY: the call fills `status`.
        try systemCall("statvfs") { unsafe statvfs(path, &status) }
        return Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
            .partialValue
    }

    /// Creates a folder unless it exists; other users have no access to it.
    package static func makeFolder(_ path: String) throws(SystemError) {
        // SAFETY: here and below a path is a Swift string, which the call gets with its terminating zero.
        guard unsafe Glibc.mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SystemError(call: "mkdir") }
    }

    /// The names in a folder, sorted by their bytes; none when there is no such folder.
    package static func names(in path: String) throws(SystemError) -> [String] {
        guard let folder = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw SystemError(call: "opendir")
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
        guard errno == 0 else { throw SystemError(call: "readdir") }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package static func move(_ old: String, to new: String) throws(SystemError) {
        try systemCall("rename") { unsafe Glibc.rename(old, new) }
    }

    /// Adds a second name (hard link) to a file; the bytes exist until the last name is removed.
    package static func link(_ old: String, to new: String) throws(SystemError) {
        try systemCall("link") { unsafe Glibc.link(old, new) }
    }

    /// Copies a file inside the kernel.
    package static func copy(_ old: String, to new: String) throws(SystemError) {
        let (source, copy) = (try FileDescriptor(opening: old, O_RDONLY), try DurableFile(creating: new))
        // Without an offset, the call uses and moves the source's own position.
        while try systemCall("sendfile", { Glibc.sendfile(copy.descriptor.raw, source.raw, nil, 1 << 30) }) > 0 {}
        try copy.finish()
    }
}
