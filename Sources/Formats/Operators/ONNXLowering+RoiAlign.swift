import Compute
import Model

// N samples, C channels, H rows and W columns of an image, R regions, Y and X sampled rows and columns of each.
extension ONNXLowering {
    /// The two elements around each sampled place of the regions on one axis.
    private struct Neighbors {
        /// Indices of int64, and the shares of the elements; each `[R, places]`.
        var low, high: (index: ValueID, weight: ValueID)
    }

    /// The maximum number of sampled places of a region on one axis, which are a constant.
    private static let sampledLimit = 1 << 16

    /// The maximum size of a sampled axis, whose indices are computed as floats.
    private static let longestPooled = 1 << 24

    /// Lowers `RoiAlign` to gathers of the four elements around each sampled place.
    ///
    /// - SeeAlso: onnx/Operators.md#RoiAlign
    mutating func roiAlign(_ node: NodeView) throws(FormatError) {
        let (x, regions) = (try shape(node, 0), try shape(node, 1))
        guard x.rank == 4, regions.rank == 2, regions[1] == 4, try shape(node, 2).dimensions == [regions[0]],
            x.dimensions[2...].allSatisfy({ (1...Self.longestPooled).contains($0) })
        else { throw unfit(node, "regions of shape \(regions) of a value of shape \(x)") }
        let (rows, columns) = (node.int("output_height") ?? 1, node.int("output_width") ?? 1)
        let samples = node.int("sampling_ratio") ?? 0
        guard samples != 0 else {
            throw node.unsupported(
                " with a number of samples that depends on the data: export with a sampling_ratio above 0")
        }
        let range = 1...Self.sampledLimit
        guard [rows, columns, samples].allSatisfy(range.contains), range.contains(max(rows, columns) * samples) else {
            throw unfit(node, "\(samples) samples in each of \(rows) by \(columns) parts")
        }
        guard let isMean = ["avg": true, "max": false][node.string("mode") ?? "avg"] else {
            throw unfit(node, "'\(node.string("mode") ?? "")' is not a mode")
        }

        let isShifted = try hasHalfPixels(node)
        let scale = try factor(node.float("spatial_scale") ?? 1, node)
        let scaled = try emit(.binary(.multiply), [try operand(node, 1), scale], node)
        let corners = isShifted ? try emit(.binary(.subtract), [scaled, try factor(0.5, node)], node) : scaled
        func sampled(_ first: Int, _ count: Int, _ size: Int) throws(FormatError) -> Neighbors {
            try neighbors(corners, first, (count, samples), size, isAtLeastOne: !isShifted, node)
        }
        let (down, across) = (try sampled(1, rows, x[2]), try sampled(0, columns, x[3]))
        let last = try emit(.transpose([0, 2, 3, 1]), [try operand(node, 0)], node)
        let elements = try reshaped(last, [x[0] * x[2] * x[3], x[1]], node)
        var best: ValueID?
        for row in [down.low, down.high] {
            for column in [across.low, across.high] {
                let part = try element(elements, row, column, x, node)
                // As in ONNX Runtime, the maximum is that of the weighted elements, not of their sums.
                best =
                    try best.map { (best) throws(FormatError) in
                        try emit(.binary(isMean ? .add : .maximum), [best, part], node)
                    } ?? part
            }
        }
        guard let best else { return }
        let parts = try reshaped(best, [regions[0], rows, samples, columns, samples, x[1]], node)
        let op = Op.reduce(isMean ? .mean : .maximum, axes: [2, 4], keepsAxes: false)
        try finish(.transpose([0, 3, 1, 2]), [try emit(op, [parts], node)], node)
    }

    /// True when the corners of regions are shifted by half an element; before opset 16 they never are.
    private func hasHalfPixels(_ node: NodeView) throws(FormatError) -> Bool {
        guard node.opset >= 16 else { return false }
        let mode = node.string("coordinate_transformation_mode") ?? "half_pixel"
        guard let isShifted = ["half_pixel": true, "output_half_pixel": false][mode] else {
            throw unfit(node, "'\(mode)' is not a coordinate transformation")
        }
        return isShifted
    }

    /// The elements around the places of regions `[R, 4]` on the axis of the corner at `first`.
    private mutating func neighbors(
        _ corners: ValueID, _ first: Int, _ counts: (parts: Int, samples: Int), _ size: Int, isAtLeastOne: Bool,
        _ node: NodeView
    ) throws(FormatError) -> Neighbors {
        let start = try emit(.slice(axis: 1, start: first, count: 1), [corners], node)
        let end = try emit(.slice(axis: 1, start: first + 2, count: 1), [corners], node)
        var length = try emit(.binary(.subtract), [end, start], node)
        if isAtLeastOne { length = try emit(.binary(.maximum), [length, try factor(1, node)], node) }
        let steps = (0..<(counts.parts * counts.samples)).map { (Float($0) + 0.5) / Float(counts.samples) }
        let part = try emit(.binary(.divide), [length, try factor(Float(counts.parts), node)], node)
        let offset = try emit(
            .binary(.multiply), [part, try emit(.constant(try node.tensor(steps, [steps.count])), [], node)], node)
        let place = try emit(.binary(.add), [start, offset], node)

        // A place more than one element outside reads zero.
        let isBehind = try emit(.compare(.greaterOrEqual), [place, try factor(-1, node)], node)
        let isBefore = try emit(.compare(.lessOrEqual), [place, try factor(Float(size), node)], node)
        let isInside = try emit(.logical(.and), [isBehind, isBefore], node)
        let last = Float(size - 1)
        let near = try emit(.unary(.clip(minimum: 0, maximum: last)), [place], node)
        let low = try emit(.unary(.floor), [near], node)
        let next = try emit(.binary(.add), [low, try factor(1, node)], node)
        let high = try emit(.unary(.clip(minimum: 0, maximum: last)), [next], node)
        let rest = try emit(.binary(.subtract), [near, low], node)
        let share = try emit(.binary(.subtract), [try factor(1, node), rest], node)
        var ends: [(index: ValueID, weight: ValueID)] = []
        for (element, weight) in [(low, share), (high, rest)] {
            let inside = try emit(.select, [isInside, weight, try factor(0, node)], node)
            ends.append((try emit(.cast(.int64), [element], node), inside))
        }
        return Neighbors(low: ends[0], high: ends[1])
    }

    /// The weighted ones `[R, Y, X, C]` of elements `[N * H * W, C]` at rows `[R, Y]` and columns `[R, X]`.
    private mutating func element(
        _ elements: ValueID, _ row: (index: ValueID, weight: ValueID),
        _ column: (index: ValueID, weight: ValueID), _ x: Shape, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        func number(_ value: Int) throws(FormatError) -> Op { .constant(try node.tensor([Int64(value)], [])) }
        let regions = try shape(node, 1)[0]
        let down = [regions, graph.shape(row.index)[1], 1, 1]
        let across = [regions, 1, graph.shape(column.index)[1], 1]
        let sample = try emit(.cast(.int64), [try operand(node, 2)], node)
        var index = try reshaped(sample, [regions, 1, 1, 1], node)
        for (size, place) in [
            (x[2], try reshaped(row.index, down, node)), (x[3], try reshaped(column.index, across, node)),
        ] {
            let scaled = try emit(.binary(.multiply), [index, try emit(number(size), [], node)], node)
            index = try emit(.binary(.add), [scaled, place], node)
        }
        let part = try emit(.gatherND(batchAxes: 0), [elements, index], node)
        let weight = try emit(
            .binary(.multiply),
            [try reshaped(row.weight, down, node), try reshaped(column.weight, across, node)], node)
        return try emit(.binary(.multiply), [part, weight], node)
    }
}
