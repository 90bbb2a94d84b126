import Glibc

extension Tensor {
    /// - Throws: ``MemoryError`` when there is not enough memory.
    package init(_ values: [Float], _ shape: Shape) throws(MemoryError) {
        try self.init(copying: values, .float32, shape)
    }

    /// - Throws: ``MemoryError`` when there is not enough memory.
    package init(_ values: [Int64], _ shape: Shape) throws(MemoryError) {
        try self.init(copying: values, .int64, shape)
    }

    /// - Throws: ``MemoryError`` when there is not enough memory.
    package init(_ values: [Int32], _ shape: Shape) throws(MemoryError) {
        try self.init(copying: values, .int32, shape)
    }

    /// - Throws: ``MemoryError`` when there is not enough memory.
    package init(_ values: [Bool], _ shape: Shape) throws(MemoryError) { try self.init(copying: values, .bool, shape) }

    /// A copy of the elements of a float32 tensor; the other three likewise.
    package var floats: [Float] { values(.float32, 0) }
    package var int64s: [Int64] { values(.int64, 0) }
    package var int32s: [Int32] { values(.int32, 0) }
    /// A copy of the elements of a bool tensor. Any non-zero byte is true: a file may hold bytes other than 0 and 1, a
    /// `Bool` may not.
    package var bools: [Bool] {
        precondition(type == .bool, "the elements are \(type)")
        return withBytes { bytes in
            bytes.byteOffsets.map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) != 0 }
        }
    }

    /// Overwrites the elements of a float32 tensor with the same number of values.
    package func copy(from values: [Float]) {
        precondition(type == .float32, "the elements are \(type)")
        fill(from: values)
    }

    /// Calls `body` with the elements' bytes in the machine's order, for reading.
    package func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the view holds `byteCount` bytes (Tensor.init), and `storage` lives as long as `self`.
        let buffer = unsafe UnsafeRawBufferPointer(start: readableBytes, count: byteCount)
        defer { withExtendedLifetime(storage) {} }
        return try unsafe body(buffer.bytes)
    }

    /// Calls `body` with the elements' bytes in the machine's order, for writing.
    package func withMutableBytes<Result, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: as in `withBytes`; `writableBytes` rejects borrowed memory.
        let buffer = unsafe UnsafeMutableRawBufferPointer(start: writableBytes, count: byteCount)
        defer { withExtendedLifetime(storage) {} }
        var span = unsafe buffer.mutableBytes
        return try body(&span)
    }

    private init<Value: BitwiseCopyable>(
        copying values: [Value], _ type: ElementType, _ shape: Shape
    ) throws(MemoryError) {
        try self.init(type, zeros: shape)
        fill(from: values)
    }

    private func fill<Value: BitwiseCopyable>(from values: [Value]) {
        precondition(values.count == shape.elementCount, "\(values.count) values do not fill \(shape)")
        // SAFETY: `values` holds `elementCount` elements, which are `byteCount` bytes; it is read only during the call.
        unsafe values.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe memcpy(writableBytes, start, byteCount)
        }
    }

    private func values<Value: BitwiseCopyable>(_ type: ElementType, _ zero: Value) -> [Value] {
        precondition(type == self.type, "the elements are \(self.type)")
        return unsafe [Value](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
            count = shape.elementCount
            guard let start = buffer.baseAddress else { return }
            // SAFETY: the buffer holds `elementCount` elements, which are `byteCount` bytes.
            unsafe memcpy(start, readableBytes, byteCount)
        }
    }
}
