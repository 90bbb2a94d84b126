import CProcess
import Glibc

/// An open descriptor, closed with its last reference. A class because several owners may share it.
package final class FileDescriptor: Sendable {
    package let raw: CInt

    package init(_ raw: CInt) { self.raw = raw }

    // Not repeated after EINTR: Linux has closed the descriptor by then, and its number may be in use again.
    deinit { _ = Glibc.close(raw) }

    /// Opens a file, which other programs do not inherit.
    ///
    /// - Parameters:
    ///   - path: the path of the file
    ///   - flags: the flags of open(2)
    ///   - mode: the permissions of a new file before the umask
    ///   - folder: the descriptor of the folder that `path` is relative to; the current one by default
    /// - Throws: ``SystemError``
    package convenience init(
        opening path: String, _ flags: CInt, mode: UInt32 = 0o600, in folder: CInt = AT_FDCWD
    ) throws(SystemError) {
        // SAFETY: Swift passes the string with its terminating zero.
        self.init(try systemCall("open") { unsafe openat(folder, path, flags | O_CLOEXEC, mode) })
    }

    /// Makes a pipe whose ends other programs do not inherit.
    package static func pipe() throws(SystemError) -> (read: FileDescriptor, write: FileDescriptor) {
        var ends: (CInt, CInt) = (-1, -1)
        // SAFETY: the call writes two descriptors, and a pair of `CInt` is two adjacent ones.
        try systemCall("pipe2") {
            unsafe withUnsafeMutablePointer(to: &ends) {
                unsafe $0.withMemoryRebound(to: CInt.self, capacity: 2) { unsafe pipe2($0, O_CLOEXEC) }
            }
        }
        return (FileDescriptor(ends.0), FileDescriptor(ends.1))
    }

    /// Fills an array by a call that writes up to `count` bytes and returns their number.
    package static func bytes(
        upTo count: Int, _ name: String, _ call: (UnsafeMutablePointer<UInt8>?) -> Int
    ) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        // SAFETY: the buffer has room for `count` bytes, and the call returns how many it has written.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemError) {
                let base = buffer.baseAddress
                filled = try systemCall(name) { unsafe call(base) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads up to `count` bytes; empty at the end.
    package func read(upTo count: Int) throws(SystemError) -> [UInt8] {
        try unsafe Self.bytes(upTo: count, "read") { unsafe Glibc.read(raw, $0, count) }
    }

    /// Writes all bytes.
    package func write(_ bytes: RawSpan) throws(SystemError) { try Self.write(bytes, to: raw) }

    /// Writes all bytes.
    package func write(_ bytes: Span<UInt8>) throws(SystemError) { try Self.write(bytes, to: raw) }

    /// Writes all bytes to a descriptor with another owner, such as standard output.
    package static func write(_ bytes: Span<UInt8>, to raw: CInt) throws(SystemError) {
        // SAFETY: a byte has no padding and no references.
        try unsafe write(bytes.bytes, to: raw)
    }

    private static func write(_ bytes: RawSpan, to raw: CInt) throws(SystemError) {
        var written = 0
        while written < bytes.byteCount {
            let rest = bytes.extracting(written..<bytes.byteCount)
            // SAFETY: the buffer is the span's own memory and is not kept.
            written += try systemCall("write") {
                unsafe rest.withUnsafeBytes { unsafe Glibc.write(raw, $0.baseAddress, $0.count) }
            }
        }
    }

    /// Makes the written bytes, or the names in a folder, durable.
    package func synchronise() throws(SystemError) { try systemCall("fsync") { fsync(raw) } }
}
