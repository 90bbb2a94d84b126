extension Tensor {
    /// True when no element of a float32 tensor is infinite or NaN.
    package func isFinite() -> Bool {
        precondition(type == .float32, "only float32 has infinities")
        let start = unsafe readableBytes
        var broken: UInt32 = 0
        for index in 0..<shape.elementCount {
            // SAFETY: the view holds `elementCount` elements of four bytes; the load needs no alignment.
            let bits = unsafe start.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
            // An exponent of all ones means infinity or NaN: adding one to it carries into the sign bit.
            broken |= (bits & 0x7fff_ffff) &+ 0x0080_0000
        }
        return broken & 0x8000_0000 == 0
    }

    /// The largest absolute difference between the elements of two float32 tensors of equal count; NaN if any
    /// difference is NaN.
    package func maxAbsoluteDifference(from other: Tensor) -> Float {
        precondition(type == .float32 && other.type == .float32, "only float32 is compared")
        precondition(shape.elementCount == other.shape.elementCount, "\(shape) is not \(other.shape)")
        let left = unsafe readableBytes
        let right = unsafe other.readableBytes
        var largest: Float = 0
        for index in 0..<shape.elementCount {
            // SAFETY: both views hold `elementCount` elements of four bytes; the loads need no alignment.
            let difference = unsafe abs(
                left.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
                    - right.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
            if difference.isNaN { return .nan }
            largest = max(largest, difference)
        }
        return largest
    }

    /// Copies whole rows, `rows[i]` of `[count, ...]` to row `i` of `[rows.count, ...]`; any element type.
    fileprivate func gather(_ rows: Span<Int>, into target: Tensor) {
        let width = shape.dimensions.dropFirst().reduce(type.byteCount, *)
        precondition(target.type == type && target.byteCount == rows.count * width, "batches keep the size of a row")
        let source = unsafe readableBytes
        let destination = unsafe target.writableBytes
        for index in rows.indices {
            precondition((0..<shape[0]).contains(rows[index]), "no such row")
            // SAFETY: row `rows[index]` lies inside the source, row `index` inside the target (both checked above).
            unsafe (destination + index * width).copyMemory(from: source + rows[index] * width, byteCount: width)
        }
    }
}

/// Copies row `rows[i]` of `source`, `[count, ...]`, to row `i` of `target`, `[rows.count, ...]`; any element type.
package func copyRows(from source: Tensor, rows: Span<Int>, into target: Tensor) { source.gather(rows, into: target) }

/// Copies row `rows[i]` of `source` to row `i` of `target`, for an array of row numbers.
package func copyRows(from source: Tensor, rows: [Int], into target: Tensor) { source.gather(rows.span, into: target) }
