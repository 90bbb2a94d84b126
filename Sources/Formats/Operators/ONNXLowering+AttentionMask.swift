import Compute
import Model

/// The keys that a query may attend to by their positions, in addition to a given mask.
struct Reach {
    /// The number of queries, the number of keys, and the number of keys before the first query.
    let asking, answering, past: Int
    /// The number of keys before and behind its own position that a query may attend to; nil for all.
    let before, behind: Int?
    /// True when each sample has its own length, beyond which keys are masked.
    let hasLengths: Bool
    /// True when the mask may exclude every key of a query.
    let leavesAlone: Bool

    init(_ node: NodeView, asking: Int, answering: Int, past: Int) {
        (self.asking, self.answering, self.past) = (asking, answering, past)
        // No distance is larger, and sums of this do not overflow.
        let farthest = 1 << 40
        func window(_ name: String) -> Int? { node.int(name).flatMap { $0 < 0 ? nil : min($0, farthest) } }
        before = window("left_window_size")
        behind = node.flag("is_causal") ? 0 : window("right_window_size")
        hasLengths = node.hasInput(6)
        leavesAlone = node.hasInput(3) || hasLengths || before != nil || window("right_window_size") != nil
    }

    /// The additive mask `[S, T]`: zero for keys that a query may attend to, else minus infinity.
    var mask: [Float] {
        var mask: [Float] = []
        mask.reserveCapacity(asking * answering)
        for row in 0..<asking {
            let first = before.map { row + past - $0 } ?? 0
            let last = behind.map { row + past + $0 } ?? answering
            for column in 0..<answering { mask.append(column >= first && column <= last ? 0 : -.infinity) }
        }
        return mask
    }
}

// B samples, S query positions, T key positions.
extension ONNXLowering {
    /// The maximum number of elements of a mask that is a constant.
    static let maskLimit = 1 << 26

    /// The bias of the scores: minus infinity for excluded keys. Nil when none is excluded.
    mutating func attentionBias(_ node: NodeView, _ reach: Reach) throws(FormatError) -> ValueID? {
        let given = try givenMask(node, answering: reach.answering)
        guard reach.hasLengths || reach.before != nil || reach.behind != nil else { return given }
        guard reach.asking <= Self.maskLimit / max(1, reach.answering) else {
            throw .tooLarge(
                "node \(node.description): a mask of \(reach.asking) by \(reach.answering) is too large")
        }
        let mask =
            try reach.hasLengths
            ? maskBySample(node, reach)
            : emit(.constant(try node.tensor(reach.mask, [reach.asking, reach.answering])), [], node)
        guard let given else { return mask }
        return try emit(.binary(.add), [given, mask], node)
    }

    /// The bias with zeros for queries whose mask excludes every key, and the flags of those queries. Without the zeros
    /// their softmax is NaN, and so is its gradient.
    mutating func unlessAlone(
        _ bias: ValueID, _ node: NodeView
    ) throws(FormatError) -> (bias: ValueID, isAlone: ValueID) {
        let best = try emit(.reduce(.maximum, axes: [graph.shape(bias).rank - 1], keepsAxes: true), [bias], node)
        let isAlone = try emit(.predicate(.isInfinite(positive: false, negative: true)), [best], node)
        return (try emit(.select, [isAlone, try factor(0, node), bias], node), isAlone)
    }

    private mutating func givenMask(_ node: NodeView, answering: Int) throws(FormatError) -> ValueID? {
        guard node.hasInput(3) else { return nil }
        let mask = try blocking(try operand(node, 3), node)
        let shape = graph.shape(mask)
        guard let length = shape.dimensions.last, length < answering else {
            return mask
        }
        let none = shape.dimensions.map { _ in 0 }
        let pad = Op.pad(.constant, before: none, after: none.dropLast() + [answering - length])
        return try emit(pad, [mask, try factor(-.infinity, node)], node)
    }

    /// A Boolean mask as an additive one.
    private mutating func blocking(_ mask: ValueID, _ node: NodeView) throws(FormatError) -> ValueID {
        guard graph.type(mask).element == .bool else { return mask }
        return try emit(.select, [mask, try factor(0, node), try factor(-.infinity, node)], node)
    }

    /// The mask `[B, 1, S, T]` for samples with lengths: the last query is the last position of its sample.
    private mutating func maskBySample(_ node: NodeView, _ reach: Reach) throws(FormatError) -> ValueID {
        let counts = try operand(node, 6)
        guard graph.shape(counts).rank == 1 else {
            throw unfit(node, "lengths of shape \(graph.shape(counts))")
        }
        let lengths = try emit(
            .cast(.float32), [try reshaped(counts, [graph.shape(counts)[0], 1, 1, 1], node)], node)
        let places = (0..<reach.answering).map { Float($0) }
        let place = try emit(.constant(try node.tensor(places, [reach.answering])), [], node)
        var isOpen = try emit(.compare(.less), [place, lengths], node)
        guard reach.before != nil || reach.behind != nil else { return try blocking(isOpen, node) }
        // `distance` is the position of the key minus that of the query, `length - S + row`.
        let rows = (0..<reach.asking).map { Float(reach.asking - $0) }
        let row = try emit(.constant(try node.tensor(rows, [reach.asking, 1])), [], node)
        let distance = try emit(
            .binary(.subtract), [try emit(.binary(.add), [place, row], node), lengths], node)
        if let behind = reach.behind {
            let isNear = try emit(.compare(.lessOrEqual), [distance, try factor(Float(behind), node)], node)
            isOpen = try emit(.logical(.and), [isOpen, isNear], node)
        }
        if let before = reach.before {
            let isNear = try emit(.compare(.greaterOrEqual), [distance, try factor(-Float(before), node)], node)
            isOpen = try emit(.logical(.and), [isOpen, isNear], node)
        }
        return try blocking(isOpen, node)
    }
}
