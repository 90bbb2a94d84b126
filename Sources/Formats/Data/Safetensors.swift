import Compute

/// Reads safetensors files: a length, a JSON header, and the bytes of the tensors.
///
/// - SeeAlso: github.com/huggingface/safetensors, README
package enum Safetensors {
    package enum Limits {
        package static let headerBytes = 16 << 20
    }

    /// Reads the tensors of a file by name.
    ///
    /// - Throws: ``FormatError`` unless the header describes all bytes after it exactly once.
    package static func read(_ file: MappedFile) throws(FormatError) -> [String: DataArray] {
        try contents(of: file).arrays
    }

    /// The tensors and the metadata of a file.
    ///
    /// - Throws: ``FormatError``, as ``read(_:)`` does.
    package static func contents(
        of file: MappedFile
    ) throws(FormatError) -> (arrays: [String: DataArray], metadata: [String: String]) {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        guard bytes.count > 8 else { throw .data("the data file is neither .npz nor .safetensors") }
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        // Another format may have any bytes there.
        guard bytes[8] == UInt8(ascii: "{"), length <= 1 << 40 else {
            throw .data("the data file is neither .npz nor .safetensors")
        }
        guard length <= UInt64(Limits.headerBytes) else {
            throw .tooLarge("safetensors: the header has \(length) bytes; \(Limits.headerBytes) are the most")
        }
        guard length <= UInt64(bytes.count - 8) else {
            throw .data("safetensors: the header has \(length) bytes, \(bytes.count - 8) are left")
        }
        let end = 8 + Int(length)
        let header = try SafetensorsHeader(bytes.part(8..<end))
        return (try arrays(header.entries, in: bytes.part(end..<bytes.count)), header.metadata)
    }

    private static func arrays(
        _ entries: [SafetensorsHeader.Entry], in data: Bytes
    ) throws(FormatError) -> [String: DataArray] {
        var end = 0
        var arrays: [String: DataArray] = [:]
        for entry in entries.sorted(by: { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }) {
            guard entry.begin == end, entry.end >= end, entry.end <= data.count else {
                throw .data(
                    "safetensors: tensor '\(entry.name)' lies at \(entry.begin) to \(entry.end), "
                        + "the one before it ends at \(end) and the file at \(data.count)")
            }
            end = entry.end
            guard let type = StoredType(safetensors: entry.type) else {
                throw .unsupportedType("tensor '\(entry.name)' holds \(entry.type): save it as F32 or I64")
            }
            let shape: Shape
            do { shape = try Shape(entry.sizes) } catch { throw .data("safetensors: tensor '\(entry.name)': \(error)") }
            let needed = shape.elementCount * type.byteCount
            guard needed == end - entry.begin else {
                throw .data(
                    "safetensors: tensor '\(entry.name)' of shape \(shape) needs \(needed) bytes and has "
                        + "\(end - entry.begin)")
            }
            let storage = TensorStorage(data.part(entry.begin..<end))
            let tensor = try type.tensor(in: storage, at: 0, shape, isSwapped: false)
            guard arrays.updateValue(DataArray(tensor: tensor, storedType: type.rawValue), forKey: entry.name) == nil
            else { throw .data("safetensors: two tensors are named '\(entry.name)'") }
        }
        guard end == data.count else { throw .data("safetensors: \(data.count - end) bytes belong to no tensor") }
        return arrays
    }
}

extension StoredType {
    fileprivate init?(safetensors name: String) {
        switch name {
        case "F16": self = .f2
        case "F32": self = .f4
        case "F64": self = .f8
        case "I8": self = .i1
        case "U8": self = .u1
        case "I16": self = .i2
        case "U16": self = .u2
        case "I32": self = .i4
        case "U32": self = .u4
        case "I64": self = .i8
        case "BOOL": self = .b1
        default: return nil
        }
    }
}
