import Compute
import Model

// B samples, H heads, S queries, P keys of earlier calls, T keys.
extension ONNXLowering {
    /// The masks and the bias that are added to the scores `[B, H, S, T]` of `com.microsoft.Attention` and
    /// `MultiHeadAttention`, as one value; nil when there are none.
    mutating func scoreMask(
        _ node: NodeView, _ scores: Shape, past: Int, mask position: Int
    ) throws(FormatError) -> ValueID? {
        let bias = 5
        var mask = try keyMask(node, position, scores, past: past)
        if node.flag("unidirectional") {
            let later = try laterKeys(node, scores, past: past)
            // The lower of both, as a sum of both may be minus infinity.
            mask =
                try mask.map { (mask) throws(FormatError) in try emit(.binary(.minimum), [mask, later], node) }
                ?? later
        }
        guard node.hasInput(bias) else { return mask }
        let given = try operand(node, bias)
        guard graph.shape(given).rank == 4 else {
            throw unfit(node, "a bias of shape \(graph.shape(given)) for scores of shape \(scores)")
        }
        guard let mask else { return given }
        return try emit(.binary(.add), [given, mask], node)
    }

    /// The mask `[S, T]` of the keys behind each query.
    private mutating func laterKeys(_ node: NodeView, _ scores: Shape, past: Int) throws(FormatError) -> ValueID {
        let (queries, keys) = (scores[2], scores[3])
        guard keys - queries == past else {
            throw node.unsupported(" with unidirectional and \(keys) keys for \(queries) queries")
        }
        guard queries <= Self.maskLimit / max(1, keys) else {
            throw .tooLarge("node \(node.description): a mask of \(queries) by \(keys) is too large")
        }
        var mask: [Float] = []
        mask.reserveCapacity(queries * keys)
        for row in 0..<queries {
            for column in 0..<keys { mask.append(column <= row + past ? 0 : -.greatestFiniteMagnitude) }
        }
        return try emit(.constant(try node.tensor(mask, [queries, keys])), [], node)
    }

    /// The mask of keys, stretchable to the scores: ends `[B]`, ends and starts `[2 * B]`, ends before other numbers
    /// `[3 * B + 2]`, or a number above zero for each key to be seen, `[B, T]`, `[B, S, T]` or `[B, 1, M, M]` with M
    /// positions in all.
    private mutating func keyMask(
        _ node: NodeView, _ position: Int, _ scores: Shape, past: Int
    ) throws(FormatError) -> ValueID? {
        guard node.hasInput(position) else { return nil }
        let (batch, queries, keys) = (scores[0], scores[2], scores[3])
        let sizes = try shape(node, position).dimensions
        let numbers = try emit(.cast(.float32), [try operand(node, position)], node)
        let isOpen: ValueID
        switch sizes.count {
        case 1 where [batch, 2 * batch, 3 * batch + 2].contains(sizes[0]):
            isOpen = try keysInside(numbers, scores, node)
        case 2 where sizes == [batch, keys]:
            isOpen = try seen(try reshaped(numbers, [batch, 1, 1, keys], node), node)
        case 3 where sizes == [batch, queries, keys]:
            isOpen = try seen(try reshaped(numbers, [batch, 1, queries, keys], node), node)
        case 4 where sizes[..<2] == [batch, 1] && sizes[2] == sizes[3] && sizes[3] >= max(keys, past + queries):
            let rows = try emit(.slice(axis: 2, start: past, count: queries), [numbers], node)
            isOpen = try seen(try emit(.slice(axis: 3, start: 0, count: keys), [rows], node), node)
        default:
            throw unfit(node, "a mask of shape \(try shape(node, position)) for scores of shape \(scores)")
        }
        let closed = try factor(node.float("mask_filter_value") ?? -10_000, node)
        return try emit(.select, [isOpen, try factor(0, node), closed], node)
    }

    private mutating func seen(_ numbers: ValueID, _ node: NodeView) throws(FormatError) -> ValueID {
        try emit(.compare(.greater), [numbers, try factor(0, node)], node)
    }

    /// True `[B, 1, 1, T]` for keys before the end of their sample, and not before its start if there are starts.
    private mutating func keysInside(
        _ numbers: ValueID, _ scores: Shape, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        let (batch, keys) = (scores[0], scores[3])
        guard keys <= Self.maskLimit else {
            throw .tooLarge("node \(node.description): a mask of \(keys) keys is too large")
        }
        let places = try emit(.constant(try node.tensor((0..<keys).map { Float($0) }, [keys])), [], node)
        func column(_ index: Int) -> Op { .slice(axis: 0, start: index * batch, count: batch) }
        let ends = try reshaped(try emit(column(0), [numbers], node), [batch, 1, 1, 1], node)
        let isBefore = try emit(.compare(.less), [places, ends], node)
        guard graph.shape(numbers)[0] == 2 * batch else { return isBefore }
        let starts = try reshaped(try emit(column(1), [numbers], node), [batch, 1, 1, 1], node)
        let isBehind = try emit(.compare(.greaterOrEqual), [places, starts], node)
        return try emit(.logical(.and), [isBefore, isBehind], node)
    }
}
