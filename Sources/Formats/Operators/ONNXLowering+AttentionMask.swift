import Compute
import Model

/// Which places may be asked for where they stand, beside what a mask says.
struct Reach {
    /// How many places ask, how many answer, and how many of the latter stood there before the first that asks.
    let asking, answering, past: Int
    /// How far before a place, and how far behind it, it may ask; nil for everywhere.
    let before, behind: Int?
    /// Whether each sample has a length of its own, behind which nobody answers.
    let hasLengths: Bool
    /// Whether there may be a place that may ask nobody.
    let leavesAlone: Bool

    init(_ node: NodeView, asking: Int, answering: Int, past: Int) {
        (self.asking, self.answering, self.past) = (asking, answering, past)
        // Nothing lies farther off, and sums of this do not overflow.
        let farthest = 1 << 40
        func window(_ name: String) -> Int? { node.int(name).flatMap { $0 < 0 ? nil : min($0, farthest) } }
        before = window("left_window_size")
        behind = node.flag("is_causal") ? 0 : window("right_window_size")
        hasLengths = node.hasInput(6)
        leavesAlone = node.hasInput(3) || hasLengths || before != nil || window("right_window_size") != nil
    }

    /// Zero where a place may be asked, else minus infinity: `[S, T]`.
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

// B samples, S places that ask, T places that answer.
extension ONNXLowering {
    private static let maskLimit = 1 << 26

    /// What is added to the scores: minus infinity where a place may not be asked. Nil if all may.
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

    /// The bias with zeros for the places that may ask nobody, for without a number no derivative is one either; and
    /// which those are.
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

    /// A mask of truths as what is added.
    private mutating func blocking(_ mask: ValueID, _ node: NodeView) throws(FormatError) -> ValueID {
        guard graph.type(mask).element == .bool else { return mask }
        return try emit(.select, [mask, try factor(0, node), try factor(-.infinity, node)], node)
    }

    /// Where the last place that asks is the last of its sample: `[B, 1, S, T]`.
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
        // How far an answer is behind who asks, but for the length.
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
