import Compute

/// Reads the arrays of an `.npz`: a zip of `.npy` files, stored or deflated, ZIP64 included.
///
/// - SeeAlso: PKWARE APPNOTE.TXT 4.3 to 4.5
package enum NPZ {
    package enum Limits {
        package static let entries = 10_000
        /// All arrays of one file, decoded.
        package static let byteCount = 16 << 30
    }

    /// - Throws: ``FormatError`` for a file that is damaged, encrypted, a bomb, or holds objects.
    package static func read(_ file: MappedFile) throws(FormatError) -> [String: DataArray] {
        var arrays: [String: DataArray] = [:]
        var total = 0
        for entry in try ZipDirectory(file).entries {
            guard entry.name.hasSuffix(".npy") else { continue }
            let key = String(entry.name.dropLast(4))
            let (sum, overflow) = total.addingReportingOverflow(entry.size)
            guard !overflow, sum <= Limits.byteCount else { throw .tooLarge("the arrays have more than 16 GiB") }
            total = sum
            let array = try array(entry, key: key, in: file)
            guard arrays.updateValue(array, forKey: key) == nil else { throw .data("two arrays are named '\(key)'") }
        }
        return arrays
    }

    private static func array(_ entry: ZipEntry, key: String, in file: MappedFile) throws(FormatError) -> DataArray {
        switch entry.method {
        case 0:
            return try unsafe decode(entry.data(in: file).buffer.bytes, key: key)
        case 8:
            // The head of the stream tells how much there must be before memory is taken for it.
            let head = try inflate(entry.data(in: file), upTo: min(entry.size, 12 + NPYHeader.limit), key: key)
            let header = try unsafe NPYHeader(head.span.bytes, key: key)
            try check(header, size: entry.size, key: key)
            let whole = try inflate(entry.data(in: file), upTo: entry.size, key: key)
            guard whole.count == entry.size else { throw .data("array '\(key)' is shorter than it says") }
            return try unsafe decode(whole.span.bytes, key: key)
        default:
            throw .data("array '\(key)' is compressed by method \(entry.method): save it with numpy.savez")
        }
    }

    private static func check(_ header: NPYHeader, size: Int, key: String) throws(FormatError) {
        guard let byteCount = header.byteCount, byteCount == size - header.dataOffset else {
            throw .data("array '\(key)' of shape \(header.shape) does not have the bytes of that shape")
        }
    }

    private static func decode(_ bytes: RawSpan, key: String) throws(FormatError) -> DataArray {
        let header = try NPYHeader(bytes, key: key)
        try check(header, size: bytes.byteCount, key: key)
        let elements = bytes.extracting(droppingFirst: header.dataOffset)
        guard header.isFortranOrder, header.shape.rank > 1 else {
            let tensor = try header.type.tensor(elements, header.shape, isSwapped: header.isSwapped)
            return DataArray(tensor: tensor, storedType: header.type.rawValue)
        }
        let reversed: Shape
        do { reversed = try Shape(header.shape.dimensions.reversed()) } catch {
            throw .data("array '\(key)': \(error)")
        }
        let tensor = try header.type.tensor(elements, reversed, isSwapped: header.isSwapped)
        return DataArray(tensor: try transposed(tensor, to: header.shape), storedType: header.type.rawValue)
    }

    /// Fortran order is C order of the reversed axes.
    private static func transposed(_ tensor: Tensor, to shape: Shape) throws(FormatError) -> Tensor {
        do {
            let result = try Tensor(tensor.type, zeros: shape)
            let width = tensor.type.byteCount
            var strides = [Int](repeating: 1, count: shape.rank)
            for axis in 1..<shape.rank { strides[axis] = strides[axis - 1] * shape[axis - 1] }
            tensor.withBytes { source in
                result.withMutableBytes { target in
                    var position = [Int](repeating: 0, count: shape.rank)
                    for index in 0..<shape.elementCount {
                        let from = zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 }
                        for byte in 0..<width {
                            let value = unsafe source.unsafeLoad(fromByteOffset: from * width + byte, as: UInt8.self)
                            target.storeBytes(of: value, toByteOffset: index * width + byte, as: UInt8.self)
                        }
                        for axis in position.indices.reversed() {
                            position[axis] += 1
                            if position[axis] < shape[axis] { break }
                            position[axis] = 0
                        }
                    }
                }
            }
            return result
        } catch {
            throw .memory(byteCount: error.byteCount)
        }
    }
}
