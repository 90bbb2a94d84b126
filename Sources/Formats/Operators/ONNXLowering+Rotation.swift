import Compute
import Model

// B samples, S positions, H heads, D size of a head, F pairs of a head's elements that are rotated.
extension ONNXLowering {
    /// Lowers `RotaryEmbedding`: rotates pairs of each head's elements by the angles of their position.
    ///
    /// - SeeAlso: onnx/Operators.md#RotaryEmbedding
    mutating func rotaryEmbedding(_ node: NodeView) throws(FormatError) {
        let x = try rotated(node, heads: node.int("num_heads") ?? 0)
        let positions = node.hasInput(3) ? try operand(node, 3) : nil
        let (cosines, sines) = (try angles(node, 1, positions), try angles(node, 2, positions))
        try finishRotation(x, cosines, sines, node)
    }

    /// Lowers `com.microsoft.RotaryEmbedding`, whose second operand is the position of each element or of the first.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.RotaryEmbedding
    mutating func contributedRotaryEmbedding(_ node: NodeView) throws(FormatError) {
        guard !node.flag("is_packed_batching") else { throw node.unsupported(" with packed batches") }
        let (shape, table) = (try shape(node, 0), try self.shape(node, 2))
        guard let pairs = table.dimensions.last, (1..<Limits.elements).contains(pairs),
            let width = shape.dimensions.last
        else { throw unfit(node, "angles of shape \(table)") }
        let given = node.int("num_heads") ?? 0
        // Without a number of heads, a head is as long as it has angles.
        let x = try rotated(node, heads: given == 0 ? width / (2 * pairs) : given)
        let positions = try positions(node, count: graph.shape(x)[1], batch: shape[0])
        let (cosines, sines) = (try angles(node, 2, positions), try angles(node, 3, positions))
        try finishRotation(x, cosines, sines, node)
    }

    /// The maximum number of positions that follow from the first.
    private static let positionLimit = 1 << 24

    /// The positions `[B, S]`, or `[1, S]` from that of the first.
    private mutating func positions(
        _ node: NodeView, count: Int, batch: Int
    ) throws(FormatError) -> ValueID {
        let given = try shape(node, 1)
        if given.dimensions == [batch, count] { return try operand(node, 1) }
        guard given.dimensions == [1] else {
            throw unfit(node, "positions of shape \(given) for \(batch) samples of \(count)")
        }
        guard count <= Self.positionLimit else {
            throw .tooLarge("node \(node.description): \(count) positions; at most \(Self.positionLimit) can be run")
        }
        let steps = try node.tensor((0..<Int64(count)).map { $0 }, [1, count])
        let first = try emit(.cast(.int64), [try operand(node, 1)], node)
        return try emit(.binary(.add), [first, try emit(.constant(steps), [], node)], node)
    }

    /// The first operand, `[B, S, H * D]` or `[B, H, S, D]`, as `[B, S, H, D]`.
    private mutating func rotated(_ node: NodeView, heads: Int) throws(FormatError) -> ValueID {
        let (x, shape) = (try operand(node, 0), try shape(node, 0))
        guard shape.rank == 3 else {
            guard shape.rank == 4 else { throw unfit(node, "a value of shape \(shape) has no heads") }
            return try emit(.transpose([0, 2, 1, 3]), [x], node)
        }
        guard heads > 0, shape[2] % heads == 0 else { throw unfit(node, "\(heads) heads of shape \(shape)") }
        return try reshaped(x, [shape[0], shape[1], heads, shape[2] / heads], node)
    }

    /// The cosines or sines `[B, S, 1, F]` of an operand, at positions if there are any.
    private mutating func angles(
        _ node: NodeView, _ position: Int, _ positions: ValueID?
    ) throws(FormatError) -> ValueID {
        var table = try operand(node, position)
        if let positions { table = try emit(.gather(axis: 0), [table, positions], node) }
        let shape = graph.shape(table)
        guard shape.rank == 3 else { throw unfit(node, "angles of shape \(shape)") }
        return try reshaped(table, [shape[0], shape[1], 1, shape[2]], node)
    }

    /// Finishes the node with `x [B, S, H, D]` rotated.
    private mutating func finishRotation(
        _ x: ValueID, _ cosines: ValueID, _ sines: ValueID, _ node: NodeView
    ) throws(FormatError) {
        let shape = try shape(node, 0)
        let size = graph.shape(x)[3]
        let given = node.int("rotary_embedding_dim") ?? 0
        let turned = given == 0 ? size : given
        guard turned > 0, turned <= size, turned % 2 == 0 else { throw unfit(node, "\(turned) of \(size) turn") }

        let isInterleaved = node.flag("interleaved")
        func half(_ index: Int) -> Op {
            isInterleaved
                ? .slice(axis: 3, start: index, count: turned / 2, step: 2)
                : .slice(axis: 3, start: index * (turned / 2), count: turned / 2)
        }
        let (first, second) = (try emit(half(0), [x], node), try emit(half(1), [x], node))
        var real = try emit(
            .binary(.subtract),
            [
                try emit(.binary(.multiply), [cosines, first], node),
                try emit(.binary(.multiply), [sines, second], node),
            ], node)
        var imaginary = try emit(
            .binary(.add),
            [
                try emit(.binary(.multiply), [sines, first], node),
                try emit(.binary(.multiply), [cosines, second], node),
            ], node)
        if isInterleaved {
            let sizes = graph.shape(real).dimensions + [1]
            (real, imaginary) = (try reshaped(real, sizes, node), try reshaped(imaginary, sizes, node))
        }
        var result = try emit(.concat(axis: isInterleaved ? 4 : 3), [real, imaginary], node)
        result = try reshaped(result, Array(graph.shape(x).dimensions.dropLast()) + [turned], node)
        if turned < size {
            let rest = try emit(.slice(axis: 3, start: turned, count: size - turned), [x], node)
            result = try emit(.concat(axis: 3), [result, rest], node)
        }
        guard shape.rank == 3 else { return try finish(.transpose([0, 2, 1, 3]), [result], node) }
        try finish(try reshape(shape.dimensions, node), [result], node)
    }
}
