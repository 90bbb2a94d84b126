/// An int64 or int32 tensor of indices along an axis.
@safe struct Indices {
    private let wide: UnsafeMutablePointer<Int64>?
    private let narrow: UnsafeMutablePointer<Int32>?
    let count: Int

    init(_ tensor: Tensor) throws(ComputeError) {
        precondition(tensor.type == .int64 || tensor.type == .int32, "an index is a whole number")
        count = tensor.shape.elementCount
        unsafe wide = tensor.type == .int64 ? try tensor.source(as: Int64.self) : nil
        unsafe narrow = tensor.type == .int32 ? try tensor.source(as: Int32.self) : nil
    }

    /// The place on an axis of `size` that the index at `position` names: a negative index counts from the end. Nil for
    /// an index out of range, which a file may contain.
    @inline(__always)
    func place(_ position: Int, size: Int) -> Int? {
        // SAFETY: the callers' loops stay inside `count`.
        let index = if let wide = unsafe wide { unsafe Int(wide[position]) } else { unsafe Int(narrow?[position] ?? 0) }
        let place = index < 0 ? index &+ size : index
        return place >= 0 && place < size ? place : nil
    }
}

/// The sizes of a shape before, on and after one axis, as products.
struct AxisSplit {
    let outer: Int
    let size: Int
    let inner: Int

    /// - Throws: ``ComputeError/shape(_:)`` when there is no such axis.
    init(_ shape: Shape, axis: Int, _ operation: String) throws(ComputeError) {
        guard let axis = shape.axis(axis) else {
            throw .shape(.unsuitable(operation: operation, shape, reason: "has no axis \(axis)"))
        }
        outer = shape.dimensions[..<axis].reduce(1, *)
        size = shape[axis]
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    }
}
