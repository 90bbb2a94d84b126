// Addresses of elements, for kernels. They are valid as long as the storage lives, so a step keeps its operands.
extension Tensor {
    /// The elements of a float32 tensor, for reading; copied first if a file has them at a misaligned address.
    func source() throws(ComputeError) -> UnsafeMutablePointer<Float> {
        precondition(type == .float32, "the elements are \(type)")
        return try unsafe source(as: Float.self)
    }

    /// The elements of a float32 tensor, for writing.
    func target() -> UnsafeMutablePointer<Float> {
        precondition(type == .float32, "the elements are \(type)")
        return unsafe target(as: Float.self)
    }

    func source<Element: BitwiseCopyable>(as _: Element.Type) throws(ComputeError) -> UnsafeMutablePointer<Element> {
        precondition(MemoryLayout<Element>.stride == type.byteCount, "the elements are \(type)")
        do throws(MemoryError) {
            let start = try unsafe storage.bytes(alignedTo: type.byteCount) + byteOffset
            // SAFETY: the view holds `elementCount` elements of this size (Tensor.init), all bits of which are values.
            return unsafe start.bindMemory(to: Element.self, capacity: shape.elementCount)
        } catch {
            throw .memory(error)
        }
    }

    func target<Element: BitwiseCopyable>(as _: Element.Type) -> UnsafeMutablePointer<Element> {
        precondition(MemoryLayout<Element>.stride == type.byteCount, "the elements are \(type)")
        // SAFETY: as in `source`; owned memory is aligned to more than any element (TensorStorage.init).
        return unsafe writableBytes.bindMemory(to: Element.self, capacity: shape.elementCount)
    }

    /// A tensor of temporary memory for one step.
    static func scratch(_ shape: Shape) throws(ComputeError) -> Tensor {
        do throws(MemoryError) { return try Tensor(zeros: shape) } catch { throw .memory(error) }
    }
}

extension TensorStorage {
    /// A storage of temporary memory for one step.
    static func scratch(_ layout: Layout) throws(ComputeError) -> TensorStorage {
        do throws(MemoryError) { return try TensorStorage(byteCount: layout.byteCount) } catch { throw .memory(error) }
    }
}

extension Shape {
    /// - Throws: ``ShapeError/mismatch(operation:_:_:)`` unless this is `expected`.
    func require(_ expected: Shape, for operation: String) throws(ComputeError) {
        guard self == expected else { throw .shape(.mismatch(operation: operation, expected, self)) }
    }

    /// A shape of sizes that a kernel computed.
    static func of(_ dimensions: [Int]) throws(ComputeError) -> Shape {
        do throws(ShapeError) { return try Shape(dimensions) } catch { throw .shape(error) }
    }

    /// The common shape of two operands under NumPy broadcasting.
    static func broadcast(_ left: Shape, _ right: Shape) throws(ComputeError) -> Shape {
        do throws(ShapeError) { return try left.broadcast(with: right) } catch { throw .shape(error) }
    }
}
