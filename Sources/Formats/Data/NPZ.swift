import ByteText
import Compute

/// Reads the arrays of an `.npz`: a zip of `.npy` files, stored or deflated, ZIP64 included.
///
/// - SeeAlso: PKWARE APPNOTE.TXT 4.3 to 4.5
package enum NPZ {
    package enum Limits {
        package static let entries = 10_000
        /// The maximum size of all decoded arrays of one file.
        package static let byteCount = 16 << 30
        package static let rank = 32
    }

    /// The arrays of a file by name, and the errors of arrays whose elements are no numbers.
    package struct Contents: Sendable {
        package var arrays: [String: DataArray] = [:]
        package var unreadable: [String: FormatError] = [:]
    }

    /// Reads the arrays of a file by name.
    ///
    /// - Throws: ``FormatError`` for a file that is damaged, encrypted, or a decompression bomb.
    package static func read(_ file: MappedFile) throws(FormatError) -> Contents {
        var contents = Contents()
        var total = 0
        for entry in try ZipDirectory(file).entries {
            guard entry.name.endsWithBytes(of: ".npy") else { continue }
            let key = String(decoding: entry.name.utf8.dropLast(4), as: UTF8.self)
            guard contents.arrays[key] == nil, contents.unreadable[key] == nil else {
                throw .data("two arrays are named '\(key)'")
            }
            let storage: TensorStorage
            do throws(FormatError) {
                storage = try self.storage(entry, key: key, in: file, &total)
            } catch {
                // An array that nobody asks for is passed over.
                guard error.isOfType else { throw error }
                contents.unreadable[key] = error
                continue
            }
            guard Tensor.bytes(of: storage).withBytes({ crc32(0, $0) }) == entry.checksum else {
                throw .data("array '\(key)' is damaged: its bytes do not have the checksum that the file names")
            }
            contents.arrays[key] = try decode(storage, key: key)
        }
        return contents
    }

    /// Reads the array of an `.npy` file of its own.
    ///
    /// - Throws: ``FormatError`` for a file that is damaged or holds no numbers.
    static func readArray(_ file: MappedFile) throws(FormatError) -> DataArray {
        let storage = TensorStorage(Bytes(file: file, range: 0..<file.byteCount))
        let key = "npy"
        var total = 0
        let header = try Tensor.bytes(of: storage).withBytes { span throws(FormatError) in
            try NPYHeader(span, key: key)
        }
        try check(header, size: file.byteCount, key: key, &total)
        return try decode(storage, key: key)
    }

    /// The bytes of an `.npy`; a view of the file if they are stored without compression.
    private static func storage(
        _ entry: ZipEntry, key: String, in file: MappedFile, _ total: inout Int
    ) throws(FormatError) -> TensorStorage {
        let source = entry.data(in: file)
        switch entry.method {
        case 0:
            let storage = TensorStorage(source)
            let header = try Tensor.bytes(of: storage).withBytes { span throws(FormatError) in
                try NPYHeader(span, key: key)
            }
            try check(header, size: entry.size, key: key, &total)
            return storage
        case 8:
            // The header declares the size, which is checked before memory is allocated.
            let head = try inflate(source, upTo: min(entry.size, NPYHeader.limit), key: key)
            let header = try Tensor.bytes(of: head).withBytes { span throws(FormatError) in
                try NPYHeader(span, key: key)
            }
            try check(header, size: entry.size, key: key, &total)
            return try inflate(source, upTo: entry.size, key: key)
        default:
            throw .data("array '\(key)' is compressed by method \(entry.method): save it with numpy.savez")
        }
    }

    private static func check(_ header: NPYHeader, size: Int, key: String, _ total: inout Int) throws(FormatError) {
        guard let byteCount = header.byteCount, byteCount == size - header.dataOffset else {
            throw .data(
                "array '\(key)' of shape \(header.shape) and type \(header.type) has \(size - header.dataOffset) bytes")
        }
        // The larger of the sizes in the file and in memory, where an element has at most eight bytes.
        let (sum, overflow) = total.addingReportingOverflow(max(size, header.shape.elementCount * 8))
        guard !overflow, sum <= Limits.byteCount else { throw .tooLarge("the arrays have more than 16 GiB") }
        total = sum
    }

    private static func decode(_ storage: TensorStorage, key: String) throws(FormatError) -> DataArray {
        let header = try Tensor.bytes(of: storage).withBytes { span throws(FormatError) in
            try NPYHeader(span, key: key)
        }
        func tensor(_ shape: Shape) throws(FormatError) -> Tensor {
            try header.type.tensor(in: storage, at: header.dataOffset, shape, isSwapped: header.isSwapped)
        }
        guard header.isFortranOrder, header.shape.rank > 1 else {
            return DataArray(tensor: try tensor(header.shape), storedType: header.type.rawValue)
        }
        // Fortran order is C order of the reversed axes.
        let axes = Array(header.shape.dimensions.indices.reversed())
        let reversed: Shape
        do { reversed = try Shape(header.shape.dimensions.reversed()) } catch {
            throw .data("array '\(key)': \(error)")
        }
        let source = try tensor(reversed)
        do {
            let result = try Tensor(source.type, zeros: header.shape)
            try Step.transpose(source, permutation: axes, into: result).run()
            return DataArray(tensor: result, storedType: header.type.rawValue)
        } catch {
            throw .memory(byteCount: source.byteCount)
        }
    }
}
