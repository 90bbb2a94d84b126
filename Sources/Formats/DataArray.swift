package import Compute

/// One named array of a data file, converted to an element type that networks read.
package struct DataArray: Sendable {
    package let tensor: Tensor
    /// As the file names its type, for notes about conversions.
    package let storedType: String
}

/// The element types of npy and safetensors files.
enum StoredType: String {
    case f2, f4, f8, i1, u1, i2, u2, i4, u4, i8, b1

    var byteCount: Int {
        switch self {
        case .i1, .u1, .b1: 1
        case .f2, .i2, .u2: 2
        case .f4, .i4, .u4: 4
        case .f8, .i8: 8
        }
    }

    private var isFloat: Bool { self == .f2 || self == .f4 || self == .f8 }

    /// Floats become float32, integers int64, booleans bool.
    ///
    /// - Parameters:
    ///   - bytes: as many elements as the shape has.
    ///   - shape: of the result.
    ///   - isSwapped: whether the bytes of an element are in big-endian order.
    /// - Returns: a tensor of its own memory.
    /// - Throws: ``FormatError/memory(byteCount:)``.
    func tensor(_ bytes: RawSpan, _ shape: Shape, isSwapped: Bool) throws(FormatError) -> Tensor {
        do {
            if self == .b1 {
                return try Tensor((0..<shape.elementCount).map { load(bytes, $0, isSwapped) != 0 }, shape)
            }
            let result = try Tensor(isFloat ? .float32 : .int64, zeros: shape)
            result.withMutableBytes { target in
                for index in 0..<shape.elementCount {
                    let bits = load(bytes, index, isSwapped)
                    if isFloat {
                        target.storeBytes(of: float(bits), toByteOffset: 4 * index, as: Float.self)
                    } else {
                        target.storeBytes(of: integer(bits), toByteOffset: 8 * index, as: Int64.self)
                    }
                }
            }
            return result
        } catch {
            throw .memory(byteCount: error.byteCount)
        }
    }

    private func load(_ bytes: RawSpan, _ index: Int, _ isSwapped: Bool) -> UInt64 {
        let offset = index * byteCount
        switch byteCount {
        case 1: return UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        case 2:
            let bits = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)
            return UInt64(isSwapped ? bits.byteSwapped : bits)
        case 4:
            let bits = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
            return UInt64(isSwapped ? bits.byteSwapped : bits)
        default:
            let bits = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            return isSwapped ? bits.byteSwapped : bits
        }
    }

    private func float(_ bits: UInt64) -> Float {
        switch self {
        case .f2: Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
        case .f8: Float(Double(bitPattern: bits))
        default: Float(bitPattern: UInt32(truncatingIfNeeded: bits))
        }
    }

    private func integer(_ bits: UInt64) -> Int64 {
        switch self {
        case .i1: Int64(Int8(truncatingIfNeeded: bits))
        case .i2: Int64(Int16(truncatingIfNeeded: bits))
        case .i4: Int64(Int32(truncatingIfNeeded: bits))
        default: Int64(bitPattern: bits)
        }
    }
}
