import CZlib
import Compute

/// Decompresses the first bytes of a raw deflate stream.
///
/// - Parameters:
///   - source: the compressed bytes.
///   - count: the number of bytes to decompress.
///   - key: the key of the array, for the error.
/// - Returns: `count` bytes.
/// - Throws: ``FormatError/data(_:)`` when the stream is damaged or too short.
func inflate(_ source: Bytes, upTo count: Int, key: String) throws(FormatError) -> TensorStorage {
    let result: TensorStorage
    do { result = try TensorStorage(byteCount: count) } catch { throw .memory(byteCount: count) }
    var stream = unsafe z_stream()
    guard unsafe inflateInit2_(&stream, -15, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw .memory(byteCount: 1 << 15)
    }
    defer { unsafe inflateEnd(&stream) }
    let isWhole = Tensor.bytes(of: result).withMutableBytes { target in
        unsafe target.withUnsafeMutableBytes { buffer in
            unsafe inflate(&stream, source.buffer, into: buffer)
        }
    }
    guard isWhole else { throw .data("array '\(key)' is damaged: its compressed bytes do not decode") }
    return result
}

/// Decompresses a stream.
///
/// - Returns: true when it fills `target`.
private func inflate(
    _ stream: inout z_stream, _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
) -> Bool {
    // zlib counts in 32 bits.
    let slice = 1 << 30
    var (read, written) = (0, 0)
    while written < target.count {
        let (input, output) = (min(slice, source.count - read), min(slice, target.count - written))
        // SAFETY: `input` bytes from `read` on lie inside the source, `output` from `written` on inside the target.
        unsafe stream.next_in = UnsafeMutablePointer(
            mutating: source.baseAddress?.advanced(by: read).assumingMemoryBound(to: UInt8.self))
        unsafe stream.avail_in = UInt32(input)
        unsafe stream.next_out = target.baseAddress?.advanced(by: written).assumingMemoryBound(to: UInt8.self)
        unsafe stream.avail_out = UInt32(output)
        let status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
        let (taken, made) = unsafe (input - Int(stream.avail_in), output - Int(stream.avail_out))
        read += taken
        written += made
        if status == Z_STREAM_END { break }
        guard status == Z_OK, taken > 0 || made > 0 else { return false }
    }
    return written == target.count
}
