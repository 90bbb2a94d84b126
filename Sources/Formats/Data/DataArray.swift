package import Compute

/// One array of a data file, in an element type of tensors: floats as float32, integers of up to 32 bits as int32 where
/// they fit, others as int64, booleans as bool.
package struct DataArray: Sendable {
    package let tensor: Tensor
    /// Numpy's name of the type in the file (`f8`, `u1`), for notes about conversions.
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

    /// The element type of the resulting tensor.
    var element: ElementType {
        switch self {
        case .f2, .f4, .f8: .float32
        case .i1, .u1, .i2, .u2, .i4: .int32
        case .u4, .i8: .int64
        case .b1: .bool
        }
    }

    /// True when the elements in the file are those of a tensor.
    private var isElement: Bool { self == .f4 || self == .i4 || self == .i8 || self == .b1 }

    /// The elements of a file as a tensor: a view of them if no conversion is needed.
    ///
    /// - Parameters:
    ///   - storage: holds all elements of the shape from `byteOffset` on.
    ///   - byteOffset: the offset of the first element.
    ///   - shape: the shape of the result.
    ///   - isSwapped: true for elements in big-endian order.
    /// - Returns: a tensor of type ``element``.
    /// - Throws: ``FormatError/memory(byteCount:)``.
    func tensor(
        in storage: TensorStorage, at byteOffset: Int, _ shape: Shape, isSwapped: Bool
    ) throws(FormatError) -> Tensor {
        if isElement, !isSwapped || byteCount == 1, byteOffset % byteCount == 0 {
            return Tensor(element, shape, in: storage, byteOffset: byteOffset)
        }
        let result: Tensor
        do { result = try Tensor(element, zeros: shape) } catch { throw .memory(byteCount: error.byteCount) }
        Tensor.bytes(of: storage).withBytes { source in
            result.withMutableBytes { target in
                for index in 0..<shape.elementCount {
                    let bits = load(source, byteOffset + index * byteCount, isSwapped)
                    switch element {
                    case .float32: target.storeBytes(of: float(bits), toByteOffset: 4 * index, as: Float.self)
                    case .int32:
                        let value = Int32(truncatingIfNeeded: integer(bits))
                        target.storeBytes(of: value, toByteOffset: 4 * index, as: Int32.self)
                    case .int64: target.storeBytes(of: integer(bits), toByteOffset: 8 * index, as: Int64.self)
                    case .bool: target.storeBytes(of: bits == 0 ? 0 : 1, toByteOffset: index, as: UInt8.self)
                    }
                }
            }
        }
        return result
    }

    /// The bits of the element at an offset, all of whose bytes must exist.
    private func load(_ bytes: RawSpan, _ offset: Int, _ isSwapped: Bool) -> UInt64 {
        // SAFETY: the storage holds the bytes of all elements, which the caller has checked.
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

extension Tensor {
    /// The bytes of a storage as a tensor.
    static func bytes(of storage: TensorStorage) -> Tensor {
        // The size of existing memory is a valid shape.
        guard let shape = try? Shape([storage.byteCount]) else { preconditionFailure("memory is smaller than that") }
        return Tensor(.bool, shape, in: storage, byteOffset: 0)
    }
}

extension TensorStorage {
    /// Borrows a part of a mapped file.
    convenience init(_ bytes: Bytes) {
        // SAFETY: the mapping lives as long as its owner, and is never written to.
        unsafe self.init(borrowing: bytes.buffer, owner: bytes.file)
    }
}
