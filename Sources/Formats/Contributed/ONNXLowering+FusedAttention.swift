import Compute
import Model

// B samples, S queries, P keys of earlier calls, T keys, H heads, D size of a head's query and key, E of its value.
extension ONNXLowering {
    /// Lowers `com.microsoft.Attention`, whose weight computes queries, keys and values in one product.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.Attention
    mutating func packedAttention(_ node: NodeView) throws(FormatError) {
        guard !node.flag("do_rotary") else {
            throw node.unsupported(" with do_rotary: export without the optimizer's fusions")
        }
        try refuseSharedCache(node, lengths: 6, indirection: nil)
        let (x, weight) = (try shape(node, 0), try shape(node, 1))
        guard x.rank == 3, weight.rank == 2, weight[0] == x[2] else {
            throw unfit(node, "a value of shape \(x) and a weight of shape \(weight)")
        }
        let heads = try headCount(node)
        let widths = try packedWidths(node, columns: weight[1], heads: heads)
        var operands = [try operand(node, 0), try operand(node, 1)]
        if node.hasInput(2) {
            guard try shape(node, 2).dimensions == [weight[1]] else { throw unfit(node, "its bias does not fit") }
            operands.append(try operand(node, 2))
        }
        let packed = try emit(.matMul(transposeLeft: false, transposeRight: false), operands, node)
        var (parts, start): ([ValueID], Int) = ([], 0)
        for width in widths {
            let part = try emit(.slice(axis: 2, start: start, count: width), [packed], node)
            parts.append(try apart(part, heads: heads, node))
            start += width
        }
        var past = 0
        if node.hasInput(4) {
            let cache = try shape(node, 4)
            guard widths[0] == widths[2], cache.rank == 5,
                cache.dimensions == [2, x[0], heads, cache[3], widths[0] / heads]
            else { throw unfit(node, "its past of shape \(cache) does not fit \(heads) heads of \(widths)") }
            past = cache[3]
            for (index, place) in [1, 2].enumerated() {
                let half = try emit(.slice(axis: 0, start: index, count: 1), [try operand(node, 4)], node)
                let earlier = try reshaped(half, Array(cache.dimensions.dropFirst()), node)
                parts[place] = try emit(.concat(axis: 2), [earlier, parts[place]], node)
            }
        }
        if let name = node.output(1) {
            guard widths[0] == widths[2] else { throw unfit(node, "keys and values of \(widths) are not one result") }
            let halves = try parts.dropFirst().map { (part) throws(FormatError) in
                try reshaped(part, [1] + graph.shape(part).dimensions, node)
            }
            define(name, .computed(try emit(.concat(axis: 0), halves, node)))
        }
        try attend(node, parts, past: past, mask: 3)
    }

    /// Lowers `com.microsoft.MultiHeadAttention`, whose queries, keys and values are computed before.
    ///
    /// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.MultiHeadAttention
    mutating func multiHeadAttention(_ node: NodeView) throws(FormatError) {
        try refuseSharedCache(node, lengths: 8, indirection: 9)
        let heads = try headCount(node)
        guard node.hasInput(1), node.hasInput(2), try shape(node, 0).rank == 3 else {
            throw node.unsupported(" with packed queries, keys or values: export without the optimizer's fusions")
        }
        var (parts, start): ([ValueID], Int) = ([], 0)
        for position in 0..<3 {
            let shape = try shape(node, position)
            let isApart = shape.rank == 4 && position > 0
            guard isApart ? shape[1] == heads : shape.rank == 3 && shape[2] > 0 && shape[2] % heads == 0 else {
                throw unfit(node, "operand \(position) of shape \(shape) has not \(heads) heads")
            }
            let (width, overflow) = isApart ? heads.multipliedReportingOverflow(by: shape[3]) : (shape[2], false)
            guard !overflow, width < Limits.elements else {
                throw unfit(node, "operand \(position) of shape \(shape) is too wide")
            }
            var part = try operand(node, position)
            if !isApart {
                // Keys and values that are apart already have no bias.
                if node.hasInput(3) { part = try biased(part, by: start, node) }
                part = try apart(part, heads: heads, node)
            }
            parts.append(part)
            start += width
        }
        if node.hasInput(3), try shape(node, 3).dimensions != [start] { throw unfit(node, "its bias does not fit") }
        var past = 0
        if node.hasInput(6), node.hasInput(7) {
            let cache = try shape(node, 6)
            guard cache.rank == 4, try shape(node, 7).rank == 4, try shape(node, 7)[2] == cache[2] else {
                throw unfit(node, "its past has the shapes \(cache) and \(try shape(node, 7))")
            }
            past = cache[2]
            parts[1] = try emit(.concat(axis: 2), [try operand(node, 6), parts[1]], node)
            parts[2] = try emit(.concat(axis: 2), [try operand(node, 7), parts[2]], node)
        }
        if let name = node.output(1) { define(name, .computed(parts[1])) }
        if let name = node.output(2) { define(name, .computed(parts[2])) }
        try attend(node, parts, past: past, mask: 4)
    }

    /// A value `[B, S, W]` plus the part of the bias that starts at an element.
    private mutating func biased(_ x: ValueID, by start: Int, _ node: NodeView) throws(FormatError) -> ValueID {
        let (bias, width) = (try shape(node, 3), graph.shape(x)[2])
        guard bias.rank == 1, start <= bias[0], width <= bias[0] - start else {
            throw unfit(node, "its bias of shape \(bias) is too short")
        }
        let part = try emit(.slice(axis: 0, start: start, count: width), [try operand(node, 3)], node)
        return try emit(.binary(.add), [x, part], node)
    }

    /// Finishes the node with the attention of queries `[B, H, S, D]`, keys `[B, H, T, D]` and values `[B, H, T, E]`.
    private mutating func attend(
        _ node: NodeView, _ parts: [ValueID], past: Int, mask position: Int
    ) throws(FormatError) {
        let product = try emit(.matMul(transposeLeft: false, transposeRight: true), [parts[0], parts[1]], node)
        let sizes = graph.shape(product)
        guard sizes.dimensions == Array(graph.shape(parts[0]).dimensions.prefix(3)) + [graph.shape(parts[1])[2]] else {
            throw unfit(node, "keys of shape \(graph.shape(parts[1])) for queries of \(graph.shape(parts[0]))")
        }
        let scale = node.float("scale").flatMap { $0 == 0 ? nil : $0 }
        let factor = try factor(scale ?? 1 / Float(graph.shape(parts[0])[3]).squareRoot(), node)
        var scores = try emit(.binary(.multiply), [product, factor], node)
        if let mask = try scoreMask(node, sizes, past: past, mask: position) {
            guard try shaped(node, { () throws(ShapeError) in try sizes.broadcast(with: graph.shape(mask)) }) == sizes
            else { throw unfit(node, "a mask of shape \(graph.shape(mask)) for scores of shape \(sizes)") }
            scores = try emit(.binary(.add), [scores, mask], node)
        }
        let shares = try emit(.softmax(axis: 3), [scores], node)
        let op = Op.matMul(transposeLeft: false, transposeRight: false)
        try finishJoined(try emit(op, [shares, parts[2]], node), node)
    }

    private func headCount(_ node: NodeView) throws(FormatError) -> Int {
        let heads = node.int("num_heads") ?? 0
        guard (1..<Limits.elements).contains(heads) else { throw unfit(node, "it has \(heads) heads") }
        return heads
    }

    /// The widths of queries, keys and values in a packed weight: thirds, unless the node gives them.
    private func packedWidths(_ node: NodeView, columns: Int, heads: Int) throws(FormatError) -> [Int] {
        let widths = node.ints("qkv_hidden_sizes") ?? [columns / 3, columns / 3, columns / 3]
        guard widths.count == 3, widths[0] == widths[1],
            widths.allSatisfy({ $0 > 0 && $0 <= columns && $0 % heads == 0 }), widths.reduce(0, +) == columns
        else { throw unfit(node, "\(columns) columns are not queries, keys and values of \(heads) heads") }
        return widths
    }

    /// Refuses caches that are written in place.
    private func refuseSharedCache(_ node: NodeView, lengths: Int, indirection: Int?) throws(FormatError) {
        guard !node.flag("past_present_share_buffer"), !node.hasInput(lengths),
            !(indirection.map { node.hasInput($0) } ?? false)
        else { throw node.unsupported(" with keys and values written in place: export without a shared buffer") }
    }
}
