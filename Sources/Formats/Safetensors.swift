import Compute
import FoundationEssentials

/// Reads and writes named tensors: a length, a JSON header, and the bytes.
///
/// - SeeAlso: github.com/huggingface/safetensors, README
package enum Safetensors {
    package enum Limits {
        package static let headerBytes = 16 << 20
    }

    private struct Entry: Codable {
        var dtype: String
        var shape: [Int]
        var data_offsets: [Int]
    }

    /// - Throws: ``FormatError`` for a header that does not describe the bytes behind it, all of them, once.
    package static func read(_ file: MappedFile) throws(FormatError) -> [String: DataArray] {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        guard bytes.count >= 10 else { throw .data("the data file is neither .npz nor .safetensors") }
        var length = 0
        for index in 0..<8 where bytes[index] != 0 {
            guard index < 4 else { throw .data("the data file is neither .npz nor .safetensors") }
            length |= Int(bytes[index]) << (8 * index)
        }
        guard length >= 2, length <= Limits.headerBytes, length <= bytes.count - 8, bytes[8] == UInt8(ascii: "{") else {
            throw .data("the data file is neither .npz nor .safetensors")
        }
        let text = unsafe Data(bytes.part(8..<(8 + length)).buffer)
        let header: [String: Entry]
        do {
            header = try JSONDecoder().decode([String: Skipping<Entry>].self, from: text).compactMapValues(\.value)
        } catch {
            throw .data("safetensors, byte 8: the header is not the JSON it should be")
        }
        let data = bytes.part((8 + length)..<bytes.count)
        var end = 0
        var arrays: [String: DataArray] = [:]
        for (name, entry) in header.sorted(by: {
            ($0.value.data_offsets.first ?? 0) < ($1.value.data_offsets.first ?? 0)
        }) {
            guard entry.data_offsets.count == 2, entry.data_offsets[0] == end, entry.data_offsets[1] >= end,
                entry.data_offsets[1] <= data.count
            else { throw .data("safetensors: tensor '\(name)' leaves a hole, overlaps, or lies outside the file") }
            end = entry.data_offsets[1]
            guard let type = StoredType(safetensors: entry.dtype) else {
                throw .unsupportedType("tensor '\(name)' holds \(entry.dtype): save it as F32 or I64")
            }
            let shape: Shape
            do { shape = try Shape(entry.shape) } catch { throw .data("tensor '\(name)': \(error)") }
            let (needed, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
            guard !overflow, needed == end - entry.data_offsets[0] else {
                throw .data(
                    "safetensors: tensor '\(name)' of shape \(shape) has \(end - entry.data_offsets[0]) bytes")
            }
            let elements = data.part(entry.data_offsets[0]..<end)
            let tensor = try unsafe type.tensor(elements.buffer.bytes, shape, isSwapped: false)
            arrays[name] = DataArray(tensor: tensor, storedType: type.rawValue)
        }
        guard end == data.count else { throw .data("safetensors: \(data.count - end) bytes belong to no tensor") }
        return arrays
    }

    /// What is under `__metadata__` is not a tensor.
    private struct Skipping<Value: Decodable>: Decodable {
        let value: Value?

        init(from decoder: any Decoder) throws {
            if decoder.codingPath.last?.stringValue == "__metadata__" {
                value = nil
            } else {
                value = try Value(from: decoder)
            }
        }
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
