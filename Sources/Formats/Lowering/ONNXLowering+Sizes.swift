import Compute
import Model

extension ONNXLowering {
    /// The error for a node whose operands, attributes or sizes do not fit.
    func unfit(_ node: NodeView, _ what: String) -> FormatError { .invalidONNX("node \(node.description): \(what)") }

    /// The shape of an operand.
    func shape(_ node: NodeView, _ index: Int) throws(FormatError) -> Shape {
        let name = try node.input(index)
        guard let type = type(name) else { throw absent(name) }
        return type.shape
    }

    /// The element type of an operand.
    func elementType(_ node: NodeView, _ index: Int) throws(FormatError) -> ElementType {
        let name = try node.input(index)
        guard let type = type(name) else { throw absent(name) }
        return type.element
    }

    /// Resolves a possibly negative axis of the first operand.
    func axis(_ axis: Int, _ node: NodeView) throws(FormatError) -> Int {
        let shape = try shape(node, 0)
        guard let resolved = shape.axis(axis) else { throw unfit(node, "axis \(axis) of a value of shape \(shape)") }
        return resolved
    }

    /// The integers of an operand that must be known.
    func integers(_ node: NodeView, _ index: Int) throws(FormatError) -> [Int] {
        guard let tensor = known(try node.input(index)), tensor.type == .int64 || tensor.type == .int32 else {
            throw node.unsupported(" with sizes that depend on the data")
        }
        guard tensor.shape.rank <= 1 else {
            throw unfit(node, "operand \(index) of shape \(tensor.shape) is not a list")
        }
        return tensor.type == .int64 ? tensor.int64s.map(Int.init) : tensor.int32s.map(Int.init)
    }

    func shaped(_ node: NodeView, _ body: () throws(ShapeError) -> Shape) throws(FormatError) -> Shape {
        do { return try body() } catch { throw unfit(node, "\(error)") }
    }

    /// Integers that are an attribute in old opsets and an operand, which must be known, since a later one; nil without
    /// either.
    func given(_ node: NodeView, _ name: String, operand: Int, since opset: Int) throws(FormatError) -> [Int]? {
        guard node.opset >= opset else { return node.ints(name) }
        return node.hasInput(operand) ? try integers(node, operand) : nil
    }

    /// The single integer of an operand that must be known.
    func integer(_ node: NodeView, _ index: Int) throws(FormatError) -> Int {
        let integers = try integers(node, index)
        guard integers.count == 1 else { throw unfit(node, "operand \(index) is not one number") }
        return integers[0]
    }

    /// The shape that a `Reshape` gives to its first operand.
    func reshaped(_ node: NodeView) throws(FormatError) -> Shape {
        let from = try shape(node, 0)
        var sizes = try integers(node, 1)
        if node.int("allowzero") != 1 {
            for (index, size) in sizes.enumerated() where size == 0 {
                guard index < from.rank else { throw unfit(node, "size \(index) of \(from) is not there to be kept") }
                sizes[index] = from[index]
            }
        }
        guard let free = sizes.firstIndex(of: -1) else {
            return try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
        }
        sizes[free] = 1
        let rest = try shaped(node) { () throws(ShapeError) in try Shape(sizes) }.elementCount
        guard rest > 0, from.elementCount % rest == 0 else {
            throw unfit(node, "a value of shape \(from) cannot become \(try integers(node, 1))")
        }
        sizes[free] = from.elementCount / rest
        return try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
    }

    func flattened(_ node: NodeView) throws(FormatError) -> Shape {
        let from = try shape(node, 0)
        let axis = node.int("axis") ?? 1
        let split = axis < 0 ? axis + from.rank : axis
        guard (0...from.rank).contains(split) else { throw unfit(node, "axis \(axis) of a value of shape \(from)") }
        let sizes = from.dimensions
        return try shaped(node) { () throws(ShapeError) in
            try Shape([sizes[..<split].reduce(1, *), sizes[split...].reduce(1, *)])
        }
    }

    func squeezed(_ node: NodeView) throws(FormatError) -> Shape {
        let from = try shape(node, 0)
        let axes = try given(node, "axes", operand: 1, since: 13) ?? from.dimensions.indices.filter { from[$0] == 1 }
        var removed: Set<Int> = []
        for axis in axes {
            let axis = try self.axis(axis, node)
            guard from[axis] == 1 else { throw unfit(node, "axis \(axis) of a value of shape \(from) is not 1 long") }
            removed.insert(axis)
        }
        let sizes = from.dimensions.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
        return try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
    }

    func unsqueezed(_ node: NodeView) throws(FormatError) -> Shape {
        let from = try shape(node, 0)
        guard let axes = try given(node, "axes", operand: 1, since: 13) else {
            throw unfit(node, "it does not say which axes it adds")
        }
        let rank = from.rank + axes.count
        let places = Set(axes.map { $0 < 0 ? $0 + rank : $0 })
        guard places.count == axes.count, places.allSatisfy((0..<rank).contains) else {
            throw unfit(node, "axes \(axes) of a value of shape \(from)")
        }
        var rest = from.dimensions.makeIterator()
        let sizes = (0..<rank).map { places.contains($0) ? 1 : rest.next() ?? 1 }
        return try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
    }
}
