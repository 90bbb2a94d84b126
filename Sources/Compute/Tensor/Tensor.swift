import Glibc

/// A typed, contiguous view of a storage, in row-major order unless ``block`` says otherwise.
///
/// Copying a tensor copies the view, not the elements: two tensors over one region see each other's writes.
package struct Tensor: Sendable {
    package let type: ElementType
    package let shape: Shape
    package let storage: TensorStorage
    package let byteOffset: Int
    /// The number of adjacent channels in memory: 1 in row-major order; ``channelBlock`` for a tensor `[N, C, ...]`
    /// that is stored as `[N, C / block, ..., block]`. Only convolutions and the ops allowed between two of them
    /// support blocks.
    package var block = 1
    /// True when the elements never change while a step reads them, so that its kernel may keep a reordered copy.
    package var isFixed = false

    /// Creates a view of `storage` from `byteOffset` on, a multiple of the element's size; the view must lie inside.
    package init(_ type: ElementType, _ shape: Shape, in storage: TensorStorage, byteOffset: Int) {
        let (bytes, tooBig) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        precondition(!tooBig && byteOffset >= 0 && byteOffset % type.byteCount == 0, "a view must be aligned")
        precondition(bytes <= storage.byteCount - byteOffset, "a view must lie inside its storage")
        (self.type, self.shape, self.storage, self.byteOffset) = (type, shape, storage, byteOffset)
    }

    /// Creates a tensor of zeros in its own memory.
    ///
    /// - Throws: ``MemoryError`` when there is not enough memory.
    package init(_ type: ElementType = .float32, zeros shape: Shape) throws(MemoryError) {
        let (bytes, tooBig) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        guard !tooBig else { throw MemoryError(byteCount: .max) }
        self.init(type, shape, in: try TensorStorage(byteCount: bytes), byteOffset: 0)
    }

    package var byteCount: Int { shape.elementCount * type.byteCount }

    /// A view of the same elements under another shape of the same count.
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

    /// A copy of the elements in its own memory.
    ///
    /// - Throws: ``MemoryError`` when there is not enough memory.
    package func clone() throws(MemoryError) -> Tensor {
        let result = try Tensor(type, zeros: shape)
        result.copy(from: self)
        return result
    }
}

extension Tensor {
    /// The address of the first byte, at any alignment; only for reading.
    var readableBytes: UnsafeMutableRawPointer { unsafe storage.bytes + byteOffset }

    /// The address of the first byte, for writing; the storage must be writable.
    var writableBytes: UnsafeMutableRawPointer {
        precondition(storage.isWritable, "a borrowed tensor is never written")
        return unsafe storage.bytes + byteOffset
    }
}
