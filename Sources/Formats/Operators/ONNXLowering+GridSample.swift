import Compute
import Model

// N samples, C channels, I input elements of a channel, P sampled places, K spatial axes.
extension ONNXLowering {
    /// The way in which `GridSample` reads between and beyond the elements.
    private struct Sampling {
        enum Mode { case nearest, linear, cubic }
        enum Padding { case zeros, border, reflection }

        let mode: Mode
        let padding: Padding
        /// True when -1 and 1 are the centers of the outer elements, not their outer edges.
        let alignsCorners: Bool

        /// The ends of an axis, at which places are reflected.
        func ends(_ size: Int) -> (low: Float, high: Float) {
            let last = Float(size - 1)
            return alignsCorners ? (0, last) : (-0.5, last + 0.5)
        }
    }

    /// An element that a place reads on one axis.
    private struct Tap {
        /// The index of int64, `[N, P, 1]`, inside of the axis.
        var index: ValueID
        /// True where the element exists, `[N, P, 1]`; nil for everywhere.
        var isInside: ValueID?
        /// The share of the element, `[N, P, 1]`; nil for all.
        var weight: ValueID?
    }

    /// The maximum size of a sampled axis, whose indices are computed as floats.
    private static let longestSampled = 1 << 24

    /// Lowers `GridSample` to a gather for each combination of the elements around a place.
    ///
    /// - SeeAlso: onnx/Operators.md#GridSample
    mutating func gridSample(_ node: NodeView) throws(FormatError) {
        let (x, grid) = (try shape(node, 0), try shape(node, 1))
        let axes = x.rank - 2
        guard (1...3).contains(axes) else {
            throw node.unsupported(" over a value of shape \(x): 1 to 3 spatial axes can be run")
        }
        let sizes = Array(x.dimensions.dropFirst(2))
        guard grid.rank == x.rank, grid[0] == x[0], grid[axes + 1] == axes,
            sizes.allSatisfy({ (1...Self.longestSampled).contains($0) })
        else { throw unfit(node, "a grid of shape \(grid) for a value of shape \(x)") }
        let sampling = try sampling(node)
        guard sampling.mode != .cubic || axes <= 2 else {
            throw node.unsupported(" of mode cubic over 3 spatial axes: 1 or 2 can be run")
        }
        let targets = Array(grid.dimensions[1...axes])
        let (count, places) = (sizes.reduce(1, *), targets.reduce(1, *))
        let last = try emit(.transpose([0] + Array(2..<x.rank) + [1]), [try operand(node, 0)], node)
        let rows = try reshaped(last, [x[0], count, x[1]], node)
        let numbers = try reshaped(try operand(node, 1), [x[0], places, axes], node)
        var combinations: [[Tap]] = [[]]
        for (axis, size) in sizes.enumerated() {
            // The numbers of a place begin with the last axis.
            let number = try emit(.slice(axis: 2, start: axes - 1 - axis, count: 1), [numbers], node)
            let taps = try taps(number, size, sampling, node)
            combinations = combinations.flatMap { heads in taps.map { heads + [$0] } }
        }
        var sum: ValueID?
        for taps in combinations {
            let part = try read(rows, taps, sizes, node)
            sum = try sum.map { (sum) throws(FormatError) in try emit(.binary(.add), [sum, part], node) } ?? part
        }
        guard let sum else { return }
        let result = try reshaped(sum, [x[0]] + targets + [x[1]], node)
        try finish(.transpose([0, axes + 1] + Array(1...axes)), [result], node)
    }

    private func sampling(_ node: NodeView) throws(FormatError) -> Sampling {
        // Opset 20 names the modes otherwise.
        let modes: [String: Sampling.Mode] = [
            "nearest": .nearest, "bilinear": .linear, "linear": .linear, "bicubic": .cubic, "cubic": .cubic,
        ]
        let paddings: [String: Sampling.Padding] = ["zeros": .zeros, "border": .border, "reflection": .reflection]
        let (mode, padding) = (node.string("mode") ?? "linear", node.string("padding_mode") ?? "zeros")
        guard let mode = modes[mode], let padding = paddings[padding] else {
            throw unfit(node, "'\(mode)' is not a mode or '\(padding)' is not a padding")
        }
        return Sampling(mode: mode, padding: padding, alignsCorners: node.flag("align_corners"))
    }

    /// The weighted elements `[N, P, C]` at one combination of taps.
    private mutating func read(
        _ rows: ValueID, _ taps: [Tap], _ sizes: [Int], _ node: NodeView
    ) throws(FormatError) -> ValueID {
        func number(_ value: Int) throws(FormatError) -> Op { .constant(try node.tensor([Int64(value)], [])) }
        var (index, isInside, weight) = (taps[0].index, taps[0].isInside, taps[0].weight)
        for (tap, size) in zip(taps, sizes).dropFirst() {
            let scaled = try emit(.binary(.multiply), [index, try emit(number(size), [], node)], node)
            index = try emit(.binary(.add), [scaled, tap.index], node)
            isInside = try combined(.logical(.and), isInside, tap.isInside, node)
            weight = try combined(.binary(.multiply), weight, tap.weight, node)
        }
        if let isInside {
            // An index out of range reads zero.
            let outside = try emit(number(sizes.reduce(1, *)), [], node)
            index = try emit(.select, [isInside, index, outside], node)
        }
        let part = try emit(.gatherND(batchAxes: 1), [rows, index], node)
        return try combined(.binary(.multiply), part, weight, node) ?? part
    }

    /// An op on those of two values that are there.
    private mutating func combined(
        _ op: Op, _ left: ValueID?, _ right: ValueID?, _ node: NodeView
    ) throws(FormatError) -> ValueID? {
        guard let left, let right else { return left ?? right }
        return try emit(op, [left, right], node)
    }

    // MARK: One axis

    /// The taps of numbers from -1 to 1, `[N, P, 1]`, on an axis.
    private mutating func taps(
        _ number: ValueID, _ size: Int, _ sampling: Sampling, _ node: NodeView
    ) throws(FormatError) -> [Tap] {
        let last = Float(size - 1)
        let (low, high) = sampling.ends(size)
        var place = try emit(.binary(.add), [number, try factor(1, node)], node)
        if sampling.alignsCorners {
            place = try emit(.binary(.multiply), [place, try factor(last / 2, node)], node)
        } else {
            let edge = try emit(.binary(.multiply), [place, try factor(Float(size), node)], node)
            let center = try emit(.binary(.subtract), [edge, try factor(1, node)], node)
            place = try emit(.binary(.multiply), [center, try factor(0.5, node)], node)
        }
        if sampling.mode == .nearest { place = try emit(.unary(.round), [place], node) }
        switch sampling.padding {
        case .zeros: break
        case .border where sampling.mode == .cubic:
            // Only a place beyond the outer edges moves to the center of an outer element.
            let onEdge = try emit(.unary(.clip(minimum: low, maximum: high)), [place], node)
            let isBetween = try emit(.compare(.equal), [place, onEdge], node)
            let moved = try emit(.unary(.clip(minimum: 0, maximum: last)), [place], node)
            place = try emit(.select, [isBetween, place, moved], node)
        case .border: place = try emit(.unary(.clip(minimum: 0, maximum: last)), [place], node)
        case .reflection: place = try reflected(place, low, high, node)
        }
        guard sampling.mode != .nearest else { return [try tap(place, size, sampling, nil, node)] }
        let floor = try emit(.unary(.floor), [place], node)
        let rest = try emit(.binary(.subtract), [place, floor], node)
        let weights = sampling.mode == .linear ? try linearWeights(rest, node) : try cubicWeights(rest, node)
        var taps: [Tap] = []
        for (index, weight) in weights.enumerated() {
            let offset = try factor(Float(sampling.mode == .linear ? index : index - 1), node)
            let element = try emit(.binary(.add), [floor, offset], node)
            taps.append(try tap(element, size, sampling, weight, node))
        }
        return taps
    }

    /// The tap at whole numbers, `[N, P, 1]`, which may be outside of the axis.
    private mutating func tap(
        _ place: ValueID, _ size: Int, _ sampling: Sampling, _ weight: ValueID?, _ node: NodeView
    ) throws(FormatError) -> Tap {
        let last = Float(size - 1)
        var (place, isInside) = (place, nil as ValueID?)
        if sampling.padding == .reflection {
            let (low, high) = sampling.ends(size)
            place = try reflected(place, low, high, node)
        }
        let near = try emit(.unary(.clip(minimum: 0, maximum: last)), [place], node)
        if sampling.padding == .zeros { isInside = try emit(.compare(.equal), [near, place], node) }
        return Tap(index: try emit(.cast(.int64), [near], node), isInside: isInside, weight: weight)
    }

    /// A value reflected at two ends until it is between them.
    private mutating func reflected(
        _ x: ValueID, _ low: Float, _ high: Float, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        guard high > low else { return try emit(.unary(.clip(minimum: low, maximum: low)), [x], node) }
        let (start, length) = (try factor(low, node), try factor(high - low, node))
        let distance = try emit(.unary(.absolute), [try emit(.binary(.subtract), [x, start], node)], node)
        let round = try emit(.binary(.remainder), [distance, try factor(2 * (high - low), node)], node)
        let fromTurn = try emit(.unary(.absolute), [try emit(.binary(.subtract), [round, length], node)], node)
        return try emit(
            .binary(.add), [start, try emit(.binary(.subtract), [length, fromTurn], node)], node)
    }

    private mutating func linearWeights(_ rest: ValueID, _ node: NodeView) throws(FormatError) -> [ValueID] {
        [try emit(.binary(.subtract), [try factor(1, node), rest], node), rest]
    }

    /// The weights of the elements at -1, 0, 1 and 2 for a place between 0 and 1.
    private mutating func cubicWeights(_ rest: ValueID, _ node: NodeView) throws(FormatError) -> [ValueID] {
        let a: Float = -0.75
        let inner = [1, 0, -(a + 3), a + 2]
        let outer = [-4 * a, 8 * a, -5 * a, a]
        var distances = [try emit(.binary(.add), [rest, try factor(1, node)], node), rest]
        for whole in [1, 2] as [Float] {
            distances.append(try emit(.binary(.subtract), [try factor(whole, node), rest], node))
        }
        var weights: [ValueID] = []
        for (distance, terms) in zip(distances, [outer, inner, inner, outer]) {
            weights.append(try polynomial(terms, distance, node))
        }
        return weights
    }

    /// The polynomial with coefficients of ascending powers.
    private mutating func polynomial(
        _ terms: [Float], _ x: ValueID, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        var value = try factor(terms[terms.count - 1], node)
        for term in terms.dropLast().reversed() {
            let product = try emit(.binary(.multiply), [value, x], node)
            value = try emit(.binary(.add), [product, try factor(term, node)], node)
        }
        return value
    }
}
