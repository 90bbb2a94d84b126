/// The sizes of a tensor, outermost first. Every size is at least zero, and the product of any of them is so far below
/// the limit of `Int` that it can be multiplied by the size of an element.
package struct Shape: Hashable, Sendable, CustomStringConvertible {
    package let dimensions: [Int]
    package let elementCount: Int

    package static let scalar = Shape()

    private init() {
        dimensions = []
        elementCount = 1
    }

    private init(unchecked dimensions: [Int]) {
        self.dimensions = dimensions
        elementCount = dimensions.reduce(1, *)
    }

    private static let elementLimit = 1 << 56

    /// - Throws: ``ShapeError/invalid(_:)`` for a negative size or a product that is too large, even if another size of
    ///   zero leaves no elements.
    package init(_ dimensions: [Int]) throws(ShapeError) {
        var product = 1
        for size in dimensions {
            let (next, overflow) = product.multipliedReportingOverflow(by: max(1, size))
            guard size >= 0, !overflow, next <= Self.elementLimit else { throw .invalid(dimensions) }
            product = next
        }
        self.dimensions = dimensions
        elementCount = dimensions.contains(0) ? 0 : product
    }

    /// The shape with another first size, which must not be larger: the product then stays within the limit.
    func replacingFirst(with size: Int) -> Shape {
        precondition((0...dimensions[0]).contains(size), "the leading size may only shrink")
        return Shape(unchecked: [size] + dimensions.dropFirst())
    }

    package var rank: Int { dimensions.count }
    package subscript(axis: Int) -> Int { dimensions[axis] }
    package var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }

    /// The index of the axis that a possibly negative ONNX `axis` denotes; nil when it is out of range.
    package func axis(_ axis: Int) -> Int? {
        let resolved = axis < 0 ? axis + rank : axis
        return dimensions.indices.contains(resolved) ? resolved : nil
    }

    /// The common shape under NumPy broadcasting, as in ONNX: sizes are aligned from the right, and a size of one is
    /// repeated.
    ///
    /// - SeeAlso: onnx/docs/Broadcasting.md
    package func broadcast(with other: Shape) throws(ShapeError) -> Shape {
        let count = max(rank, other.rank)
        var result = [Int](repeating: 1, count: count)
        for offset in 1..<(count + 1) {
            let left = offset <= rank ? dimensions[rank - offset] : 1
            let right = offset <= other.rank ? other.dimensions[other.rank - offset] : 1
            guard left == right || left == 1 || right == 1 else {
                throw .mismatch(operation: "broadcast", self, other)
            }
            result[count - offset] = left == 1 ? right : left
        }
        return try Shape(result)
    }
}

/// An error in the sizes of tensors.
package enum ShapeError: Error, Equatable, CustomStringConvertible {
    case invalid([Int])
    case mismatch(operation: String, Shape, Shape)
    case unsuitable(operation: String, Shape, reason: String)

    package var description: String {
        switch self {
        case .invalid(let dimensions): "\(dimensions) is not a shape: sizes must be at least 0 and their product small"
        case .mismatch(let operation, let left, let right): "\(operation): shapes \(left) and \(right) do not fit"
        case .unsuitable(let operation, let shape, let reason): "\(operation): shape \(shape) \(reason)"
        }
    }
}
