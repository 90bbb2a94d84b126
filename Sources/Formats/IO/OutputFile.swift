import Compute
import SystemCalls

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

    /// Calls `body` with the bytes.
    func withBytes<Failure: Error>(_ body: (RawSpan) throws(Failure) -> Void) throws(Failure) {
        switch self {
        case .bytes(let bytes): try unsafe body(bytes.span.bytes)
        case .file(let bytes): try unsafe body(bytes.buffer.bytes)
        case .tensor(let tensor): try tensor.withBytes(body)
        }
    }
}

package enum OutputFile {
    /// Writes a whole file or nothing.
    ///
    /// - Throws: ``FormatError/unwritable(_:reason:)`` or ``FormatError/noRoom(_:)``
    static func write(_ parts: [Part], to path: String) throws(FormatError) {
        do throws(SystemError) {
            try DurableFile.replace(path, mode: 0o644) { file throws(SystemError) in
                for part in parts {
                    try part.withBytes { bytes throws(SystemError) in try file.write(bytes) }
                }
            }
        } catch {
            throw error.isFull ? .noRoom(path) : .unwritable(path, reason: error.reason)
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
        try write([.bytes(bytes)], to: path)
    }
}
