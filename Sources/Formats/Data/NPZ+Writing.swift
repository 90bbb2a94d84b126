import CZlib
package import Compute

extension NPZ {
    /// Writes tensors as a stored `.npz`, each as `name.npy`.
    ///
    /// - Throws: ``FormatError/unwritable(_:reason:)``; ``FormatError/tooLarge(_:)`` beyond 4 GiB a tensor.
    package static func write(_ arrays: [(name: String, tensor: Tensor)], to path: String) throws(FormatError) {
        var parts: [Part] = []
        var directory: [UInt8] = []
        var offset = 0
        for (name, tensor) in arrays {
            let header = npyHeader(tensor)
            let size = header.count + tensor.byteCount
            guard size < 0xFFFF_FFFF, offset < 0xFFFF_FFFF else {
                throw .tooLarge("'\(name)' is too large for an .npz")
            }
            let start = unsafe crc32(0, header.span.bytes)
            let checksum = tensor.withBytes { crc32(start, $0) }
            let fileName = Array((name + ".npy").utf8)
            var common = little(20, 2) + little(0x0800, 2) + little(0, 2) + little(0, 2) + little(33, 2)
            common += little(checksum, 4) + little(size, 4) + little(size, 4) + little(fileName.count, 2) + little(0, 2)
            let local = little(0x0403_4B50, 4) + common + fileName
            directory += little(0x0201_4B50, 4) + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2)
            directory += little(0, 4) + little(offset, 4) + fileName
            parts += [.bytes(local + header), .tensor(tensor)]
            offset += local.count + size
        }
        var end = directory + little(0x0605_4B50, 4) + little(0, 4) + little(arrays.count, 2) + little(arrays.count, 2)
        end += little(directory.count, 4) + little(offset, 4) + little(0, 2)
        try OutputFile.write(parts + [.bytes(end)], to: path)
    }

    private static func npyHeader(_ tensor: Tensor) -> [UInt8] {
        let type =
            switch tensor.type {
            case .float32: "<f4"
            case .int64: "<i8"
            case .int32: "<i4"
            case .bool: "|b1"
            }
        let sizes = tensor.shape.dimensions.map { "\($0)," }.joined(separator: " ")
        var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
        while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
        text += "\n"
        return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0] + little(text.utf8.count, 2) + Array(text.utf8)
    }

    private static func little(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// Extends the checksum `start` by the bytes that follow.
    static func crc32(_ start: Int, _ bytes: RawSpan) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            // SAFETY: the buffer has `count` bytes.
            unsafe Int(
                crc32_z(UInt(start), buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count))
        }
    }
}
