import Compute
import Glibc

/// A part of a file to write.
enum Part {
    case bytes([UInt8])
    /// Unchanged bytes of the file that was read.
    case file(Bytes)
    case tensor(Tensor)

    var byteCount: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .file(let bytes): bytes.count
        case .tensor(let tensor): tensor.byteCount
        }
    }
}

package enum OutputFile {
    /// Writes a whole file or nothing: to a temporary sibling, which is made durable and then renamed.
    ///
    /// - Throws: ``FormatError/unwritable(_:reason:)``, after removing the temporary file.
    static func write(_ parts: [Part], to path: String) throws(FormatError) {
        let temporary = path + ".partial"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        var isWhole = false
        defer {
            close(descriptor)
            if !isWhole { unsafe unlink(temporary) }
        }
        for part in parts {
            let isWritten =
                switch part {
                case .bytes(let bytes): unsafe write(bytes.span.bytes, to: descriptor)
                case .file(let bytes): unsafe write(bytes.buffer.bytes, to: descriptor)
                case .tensor(let tensor): tensor.withBytes { write($0, to: descriptor) }
                }
            guard isWritten else { throw failure(path) }
        }
        guard fsync(descriptor) == 0, unsafe rename(temporary, path) == 0 else { throw failure(path) }
        isWhole = true
        let directory = unsafe open(path.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
        try write([.bytes(bytes)], to: path)
    }

    private static func write(_ bytes: RawSpan, to descriptor: CInt) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                // SAFETY: the address and count stay inside the buffer.
                let written = unsafe Glibc.write(
                    descriptor, buffer.baseAddress?.advanced(by: offset), min(buffer.count - offset, 1 << 24))
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { return false }
                offset += written
            }
            return true
        }
    }

    private static func failure(_ path: String) -> FormatError {
        errno == ENOSPC || errno == EDQUOT
            ? .noRoom(path) : .unwritable(path, reason: unsafe String(cString: strerror(errno)))
    }
}
