import Glibc

/// A typed, contiguous view of a storage, row-major unless it says otherwise.
///
/// Copying a tensor copies the view, not the elements: two tensors over one region see each other's writes.
package struct Tensor: Sendable {
    package let type: ElementType
    package let shape: Shape
    package let storage: TensorStorage
    package let byteOffset: Int
    /// How many channels lie beside each other: 1 in row-major order; more, ``channelBlock``, where a tensor of `[N, C, ...]`
    /// lies in memory as `[N, C / block, ..., block]`. Only convolutions and what may stand between two know that order.
    package var block = 1
    /// Whether the elements stay as they are while a step reads them, so that its kernel may keep them in an order of its own.
    package var isFixed = false

    /// A view of `storage` from `byteOffset` on; it must lie inside, at a multiple of the element's size.
    package init(_ type: ElementType, _ shape: Shape, in storage: TensorStorage, byteOffset: Int) {
        let (bytes, tooBig) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        precondition(!tooBig && byteOffset >= 0 && byteOffset % type.byteCount == 0, "a view must be aligned")
        precondition(bytes <= storage.byteCount - byteOffset, "a view must lie inside its storage")
        self.type = type
        self.shape = shape
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// Zeros in memory of their own.
    ///
    /// - Throws: ``MemoryError`` when there is not enough memory.
    package init(_ type: ElementType = .float32, zeros shape: Shape) throws(MemoryError) {
        let (bytes, tooBig) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        guard !tooBig else { throw MemoryError(byteCount: .max) }
        self.init(type, shape, in: try TensorStorage(byteCount: bytes), byteOffset: 0)
    }

    package var byteCount: Int { shape.elementCount * type.byteCount }

    /// The same elements under another shape of the same count.
    package func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.elementCount == self.shape.elementCount, "\(self.shape) cannot be seen as \(shape)")
        return Tensor(type, shape, in: storage, byteOffset: byteOffset)
    }

    /// A view of `[range.count, ...]`: the part of the leading axis that `range` names.
    package func rows(_ range: Range<Int>) -> Tensor {
        precondition(shape.rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0], "no such rows")
        let rowBytes = shape.dimensions.dropFirst().reduce(type.byteCount, *)
        return Tensor(
            type, shape.replacingFirst(with: range.count), in: storage,
            byteOffset: byteOffset + range.lowerBound * rowBytes)
    }

    /// Overwrites the elements with those of `source`, which has the same type and count.
    package func copy(from source: Tensor) {
        precondition(source.type == type && source.shape.elementCount == shape.elementCount, "copies keep their size")
        // SAFETY: both views hold `byteCount` bytes (Tensor.init); `memmove` allows them to overlap.
        unsafe memmove(writableBytes, source.readableBytes, byteCount)
    }

    /// The same elements in memory of their own.
    ///
    /// - Throws: ``MemoryError`` when there is not enough memory.
    package func clone() throws(MemoryError) -> Tensor {
        let result = try Tensor(type, zeros: shape)
        result.copy(from: self)
        return result
    }
}

extension Tensor {
    /// The first byte, at any alignment; only for reading.
    var readableBytes: UnsafeMutableRawPointer { unsafe storage.bytes + byteOffset }

    /// The first byte of memory that may be written.
    var writableBytes: UnsafeMutableRawPointer {
        precondition(storage.isWritable, "a borrowed tensor is never written")
        return unsafe storage.bytes + byteOffset
    }
}
