import Compute
import Model

// B samples, S positions of a sequence, W elements of an embedding.
extension ONNXLowering {
    /// Lowers `com.microsoft.EmbedLayerNormalization`: the sum of the embeddings of words, positions and segments,
    /// normalised over its last axis.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.EmbedLayerNormalization
    mutating func embeddingNorm(_ node: NodeView) throws(FormatError) {
        let ids = try shape(node, 0)
        guard ids.rank == 2 else { throw unfit(node, "words of shape \(ids) are not sequences") }
        let width = try shape(node, 2).dimensions.last ?? 0
        var sum = try embedded(node, ids: 0, table: 2, width: width)
        sum = try emit(.binary(.add), [sum, try positionEmbedding(node, ids, width: width)], node)
        if node.hasInput(1), node.hasInput(4) {
            guard try shape(node, 1) == ids else { throw unfit(node, "segments of shape \(try shape(node, 1))") }
            sum = try emit(.binary(.add), [sum, try embedded(node, ids: 1, table: 4, width: width)], node)
        }
        if let name = node.output(2) { define(name, .computed(sum)) }
        if let name = node.output(1) { define(name, .computed(try maskLengths(node, ids))) }
        let op = Op.norm(.layer, axes: 1, epsilon: node.float("epsilon") ?? 1e-12)
        try finish(op, [sum, try operand(node, 5), try operand(node, 6)], node)
    }

    /// The rows `[..., W]` of a table at ids.
    private mutating func embedded(
        _ node: NodeView, ids: Int, table: Int, width: Int
    ) throws(FormatError) -> ValueID {
        try requireTable(node, table, width: width)
        return try emit(.gather(axis: 0), [try operand(node, table), try operand(node, ids)], node)
    }

    private func requireTable(_ node: NodeView, _ position: Int, width: Int) throws(FormatError) {
        let table = try shape(node, position)
        guard table.rank == 2, table[1] == width else {
            throw unfit(node, "operand \(position) of shape \(table) is not a table of rows of \(width)")
        }
    }

    /// The embedding `[B, S, W]` or `[1, S, W]` of given positions, or that `[S, W]` of the first ones.
    private mutating func positionEmbedding(
        _ node: NodeView, _ ids: Shape, width: Int
    ) throws(FormatError) -> ValueID {
        if node.hasInput(8) {
            let places = try shape(node, 8)
            guard places == ids || places.dimensions == [1, ids[1]] else {
                throw unfit(node, "positions of shape \(places) for words of shape \(ids)")
            }
            return try embedded(node, ids: 8, table: 3, width: width)
        }
        try requireTable(node, 3, width: width)
        let table = try shape(node, 3)
        guard ids[1] <= table[0] else { throw unfit(node, "\(ids[1]) positions; it has embeddings of \(table[0])") }
        return try emit(.slice(axis: 0, start: 0, count: ids[1]), [try operand(node, 3)], node)
    }

    /// The number `[B]` of ones in each row of the mask, which is the length of a padded sequence; zero without a mask.
    private mutating func maskLengths(_ node: NodeView, _ ids: Shape) throws(FormatError) -> ValueID {
        func number(_ value: Int64) throws(FormatError) -> Op { .constant(try node.tensor([value], [])) }
        guard node.hasInput(7) else {
            let target = try shaped(node) { () throws(ShapeError) in try Shape([ids[0]]) }
            let zero = try emit(.cast(.int32), [try emit(number(0), [], node)], node)
            return try emit(.broadcast(target), [zero], node)
        }
        guard try shape(node, 7) == ids else { throw unfit(node, "a mask of shape \(try shape(node, 7))") }
        let mask = try emit(.cast(.int64), [try operand(node, 7)], node)
        let isOne = try emit(.compare(.equal), [mask, try emit(number(1), [], node)], node)
        let ones = try emit(.cast(.int32), [isOne], node)
        return try emit(.reduce(.sum, axes: [1], keepsAxes: false), [ones], node)
    }
}
