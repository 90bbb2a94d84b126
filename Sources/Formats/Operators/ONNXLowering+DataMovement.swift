import Compute
import Model

extension ONNXLowering {
    /// Operators that move or copy elements.
    static let movement: [String: ONNXOperator] = [
        "Concat": ONNXOperator { try $0.concat($1) },
        "DepthToSpace": ONNXOperator { try $0.depthToSpace($1) },
        "Expand": ONNXOperator { try $0.expand($1) },
        "Flatten": ONNXOperator { try $0.reshape(to: try $0.flattened($1), $1) },
        "Pad": ONNXOperator { try $0.pad($1) },
        "Reshape": ONNXOperator { try $0.reshape(to: try $0.reshaped($1), $1) },
        "Slice": ONNXOperator { try $0.slice($1) },
        "SpaceToDepth": ONNXOperator { try $0.spaceToDepth($1) },
        "Split": ONNXOperator { try $0.split($1) },
        "Squeeze": ONNXOperator { try $0.reshape(to: try $0.squeezed($1), $1) },
        "Tile": ONNXOperator { try $0.tile($1) },
        "Transpose": ONNXOperator { try $0.transpose($1) },
        "Trilu": ONNXOperator { try $0.triangle($1) },
        "Unsqueeze": ONNXOperator { try $0.reshape(to: try $0.unsqueezed($1), $1) },
    ]

    private mutating func reshape(to shape: Shape, _ node: NodeView) throws(FormatError) {
        if try self.shape(node, 0) == shape { return try alias(node) }
        try append(.reshape(shape), node, reading: 1)
    }

    private mutating func transpose(_ node: NodeView) throws(FormatError) {
        let rank = try shape(node, 0).rank
        let permutation = node.ints("perm") ?? Array((0..<rank).reversed())
        if permutation == Array(0..<rank) { return try alias(node) }
        try append(.transpose(permutation), node, reading: 1)
    }

    private mutating func concat(_ node: NodeView) throws(FormatError) {
        guard let axis = node.int("axis") else { throw unfit(node, "it does not say on which axis") }
        let op = Op.concat(axis: try self.axis(axis, node))
        if node.inputs.count == 1 { return try alias(node) }
        try append(op, node, reading: node.inputs.count)
    }

    private mutating func expand(_ node: NodeView) throws(FormatError) {
        let (from, sizes) = (try shape(node, 0), try integers(node, 1))
        let target = try shaped(node) { () throws(ShapeError) in try Shape(sizes).broadcast(with: from) }
        if target == from { return try alias(node) }
        try append(.broadcast(target), node, reading: 1)
    }

    private mutating func triangle(_ node: NodeView) throws(FormatError) {
        let diagonal = node.hasInput(1) ? try integer(node, 1) : 0
        // All diagonals beyond the largest matrix are equivalent; clamped, their sums do not overflow.
        let near = min(max(diagonal, -Limits.elements), Limits.elements)
        try append(.triangle(isUpper: node.flag("upper", otherwise: true), diagonal: near), node, reading: 1)
    }

    /// Lowers `Slice` to one op per axis.
    ///
    /// - SeeAlso: onnx/Operators.md#Slice
    private mutating func slice(_ node: NodeView) throws(FormatError) {
        guard let starts = try given(node, "starts", operand: 1, since: 10),
            let ends = try given(node, "ends", operand: 2, since: 10)
        else { throw unfit(node, "it has no starts and ends") }
        let axes = try given(node, "axes", operand: 3, since: 10) ?? Array(starts.indices)
        let steps = node.hasInput(4) ? try integers(node, 4) : starts.map { _ in 1 }
        guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count else {
            throw unfit(node, "starts, ends, axes and steps must have the same length")
        }
        guard !steps.contains(0) else { throw unfit(node, "it steps by zero") }
        var slices: [Op] = []
        for index in starts.indices {
            let axis = try self.axis(axes[index], node)
            let size = try shape(node, 0)[axis]
            let (start, count) = Self.sliced(from: starts[index], to: ends[index], by: steps[index], of: size)
            if start == 0, count == size, steps[index] == 1 { continue }
            slices.append(.slice(axis: axis, start: start, count: count, step: steps[index]))
        }
        guard let last = slices.popLast() else { return try alias(node) }
        var value = try operand(node, 0)
        for op in slices { value = try emit(op, [value], node) }
        try finish(last, [value], node)
    }

    /// Resolves a slice of an axis: negative positions count from the end, and all are clamped.
    static func sliced(from start: Int, to end: Int, by step: Int, of size: Int) -> (start: Int, count: Int) {
        // A negative position plus a size does not overflow.
        let (start, end) = (start < 0 ? start + size : start, end < 0 ? end + size : end)
        guard step < 0 else {
            let (low, high) = (min(max(start, 0), size), min(max(end, 0), size))
            return high > low ? (low, (high - low - 1) / step + 1) : (low, 0)
        }
        let (high, low) = (min(max(start, -1), size - 1), min(max(end, -1), size - 1))
        // `magnitude`, because `-Int.min` overflows.
        return high > low ? (high, Int((UInt(high - low) - 1) / step.magnitude) + 1) : (0, 0)
    }

    private mutating func split(_ node: NodeView) throws(FormatError) {
        let axis = try axis(node.int("axis") ?? 0, node)
        let size = try shape(node, 0)[axis]
        var counts: [Int]
        if let given = try given(node, "split", operand: 1, since: 13) {
            counts = given
        } else {
            let parts = node.int("num_outputs") ?? node.outputs.count
            guard parts > 0, parts == node.outputs.count else { throw unfit(node, "\(parts) parts") }
            // The last part is smaller when the size is not a multiple.
            let length = (size - 1) / parts + 1
            counts = (0..<parts).map { min(length, max(0, size - $0 * length)) }
        }
        var rest = size
        for count in counts {
            guard count >= 0, count <= rest else { throw unfit(node, "parts of \(counts) of a size of \(size)") }
            rest -= count
        }
        guard rest == 0, counts.count == node.outputs.count else {
            throw unfit(node, "parts of \(counts) of a size of \(size)")
        }
        var start = 0
        let x = try operand(node, 0)
        for (name, count) in zip(node.outputs, counts) {
            if !name.isEmpty {
                let op = Op.slice(axis: axis, start: start, count: count)
                let whole = try value(try node.input(0))
                define(name, count == size ? whole : .computed(try emit(op, [x], node, name: name)))
            }
            start += count
        }
    }

    private mutating func pad(_ node: NodeView) throws(FormatError) {
        let modes: [String: PadKind] = ["constant": .constant, "edge": .edge, "reflect": .reflect, "wrap": .wrap]
        let rank = try shape(node, 0).rank
        guard let kind = modes[node.string("mode") ?? "constant"] else {
            throw node.unsupported(" of that mode")
        }
        guard let pads = try given(node, "pads", operand: 1, since: 11) else {
            throw unfit(node, "it does not say how much it pads")
        }
        let axes = node.hasInput(3) ? try integers(node, 3) : Array(0..<rank)
        guard pads.count == 2 * axes.count else { throw unfit(node, "\(pads.count) pads for \(axes.count) axes") }
        var before = [Int](repeating: 0, count: rank)
        var after = before
        for (index, axis) in axes.enumerated() {
            let axis = try self.axis(axis, node)
            (before[axis], after[axis]) = (pads[index], pads[index + axes.count])
        }
        if (before + after).allSatisfy({ $0 == 0 }) { return try alias(node) }
        var operands = [try operand(node, 0)]
        if kind == .constant, node.hasInput(2) { operands.append(try operand(node, 2)) }
        if kind == .constant, node.opset < 11, let value = node.float("value"), value != 0 {
            operands.append(try factor(value, node))
        }
        try finish(.pad(kind, before: before, after: after), operands, node)
    }

    /// Lowers `DepthToSpace`: blocks of channels become blocks of pixels.
    ///
    /// - SeeAlso: onnx/Operators.md#DepthToSpace
    private mutating func depthToSpace(_ node: NodeView) throws(FormatError) {
        let (x, size) = (try shape(node, 0), node.int("blocksize") ?? 0)
        guard x.rank == 4, (1...65536).contains(size), x[1] % (size * size) == 0 else {
            throw unfit(node, "blocks of \(size) of a value of shape \(x)")
        }
        let channels = x[1] / (size * size)
        let isColumnFirst = node.string("mode") == "CRD"
        let apart =
            isColumnFirst ? [x[0], channels, size, size, x[2], x[3]] : [x[0], size, size, channels, x[2], x[3]]
        let value = try reshaped(try operand(node, 0), apart, node)
        let turned = try emit(.transpose(isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]), [value], node)
        try finish(try reshape([x[0], channels, x[2] * size, x[3] * size], node), [turned], node)
    }

    /// Lowers `SpaceToDepth`: blocks of pixels become blocks of channels.
    private mutating func spaceToDepth(_ node: NodeView) throws(FormatError) {
        let (x, size) = (try shape(node, 0), node.int("blocksize") ?? 0)
        guard x.rank == 4, (1...65536).contains(size), x[2] % size == 0, x[3] % size == 0 else {
            throw unfit(node, "blocks of \(size) of a value of shape \(x)")
        }
        let (rows, columns) = (x[2] / size, x[3] / size)
        let value = try reshaped(try operand(node, 0), [x[0], x[1], rows, size, columns, size], node)
        // The mode is new in opset 28.
        let isColumnFirst = node.string("mode") == "CRD"
        let turned = try emit(.transpose(isColumnFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), [value], node)
        try finish(try reshape([x[0], x[1] * size * size, rows, columns], node), [turned], node)
    }

    private mutating func tile(_ node: NodeView) throws(FormatError) {
        let (shape, repeats) = (try shape(node, 0), try integers(node, 1))
        guard repeats.count == shape.rank else { throw unfit(node, "\(repeats.count) repeats of \(shape)") }
        if repeats.allSatisfy({ $0 == 1 }) { return try alias(node) }
        // A new axis before each repeated one is broadcast and then joined with it.
        var (apart, stretched, joined) = ([Int](), [Int](), [Int]())
        for (size, count) in zip(shape.dimensions, repeats) {
            if count != 1 {
                apart.append(1)
                stretched.append(count)
            }
            apart.append(size)
            stretched.append(size)
            let (product, overflow) = size.multipliedReportingOverflow(by: count)
            guard count >= 0, !overflow else { throw unfit(node, "\(count) repeats of a size of \(size)") }
            joined.append(product)
        }
        let target = try shaped(node) { () throws(ShapeError) in try Shape(stretched) }
        let value = try emit(.broadcast(target), [try reshaped(try operand(node, 0), apart, node)], node)
        try finish(try reshape(joined, node), [value], node)
    }

    // MARK: From sizes alone

    /// Operators whose results follow from sizes and constants.
    static let knownValues: [String: ONNXOperator] = [
        "Constant": ONNXOperator { try $0.constant($1) },
        "ConstantOfShape": ONNXOperator { try $0.constantOfShape($1) },
        "Range": ONNXOperator { try $0.define($1, known: try $0.range($1)) },
        "Shape": ONNXOperator(isDiscrete: true) { try $0.define($1, known: try $0.sizes($1)) },
        "Size": ONNXOperator(isDiscrete: true) { lowering, node in
            let count = try lowering.shape(node, 0).elementCount
            try lowering.define(node, known: try node.tensor([Int64(count)], []))
        },
    ]

    private mutating func constant(_ node: NodeView) throws(FormatError) {
        if readsNarrowIntegers, case .tensor(let message) = node.attributes["value"],
            let type = NarrowInteger(rawValue: message.dataType)
        {
            return define(try node.output(), try ONNXDocument.floats(message, of: type, nil), of: type)
        }
        try define(node, known: try node.constant())
    }

    private func sizes(_ node: NodeView) throws(FormatError) -> Tensor {
        let sizes = try shape(node, 0).dimensions
        let (start, count) = Self.sliced(
            from: node.int("start") ?? 0, to: node.int("end") ?? .max, by: 1, of: sizes.count)
        return try node.tensor(sizes[start..<(start + count)].map(Int64.init), [count])
    }

    private mutating func constantOfShape(_ node: NodeView) throws(FormatError) {
        let fill = try node.fillValue()
        let sizes = try integers(node, 0)
        let target = try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
        let one = try emit(.constant(fill), [], node)
        try finish(.broadcast(target), [try reshaped(one, [], node)], node)
    }

    private func range(_ node: NodeView) throws(FormatError) -> Tensor {
        guard let start = known(try node.input(0)), let limit = known(try node.input(1)),
            let delta = known(try node.input(2))
        else { throw node.unsupported(" with sizes that depend on the data") }
        let tensors = [start, limit, delta]
        guard tensors.allSatisfy({ $0.type == start.type && $0.shape.elementCount == 1 }), start.type != .bool else {
            throw unfit(node, "its bounds are not three numbers of one type")
        }
        if start.type == .float32 {
            let (first, last, step) = (start.floats[0], limit.floats[0], delta.floats[0])
            let count = max(0, ((Double(last) - Double(first)) / Double(step)).rounded(.up))
            guard count <= Self.rangeLimit else { throw unfit(node, "from \(first) to \(last) by \(step)") }
            return try node.tensor((0..<Int(count)).map { first + Float($0) * step }, [Int(count)])
        }
        let numbers = tensors.map { $0.type == .int64 ? $0.int64s[0] : Int64($0.int32s[0]) }
        let (first, last, step) = (numbers[0], numbers[1], numbers[2])
        let (distance, overflow) = last.subtractingReportingOverflow(first)
        guard step != 0, !overflow else { throw unfit(node, "from \(first) to \(last) by \(step)") }
        let isEmpty = distance == 0 || (distance < 0) != (step < 0)
        let count = isEmpty ? 0 : (distance.magnitude - 1) / step.magnitude + 1
        guard Double(count) <= Self.rangeLimit else { throw unfit(node, "from \(first) to \(last) by \(step)") }
        // No overflow: all values lie between the two ends.
        let values = (0..<Int64(count)).map { first &+ $0 &* step }
        guard start.type == .int32 else { return try node.tensor(values, [values.count]) }
        do { return try Tensor(values.map { Int32(truncatingIfNeeded: $0) }, Shape([values.count])) } catch {
            throw unfit(node, "\(error)")
        }
    }

    /// The maximum number of elements, which are stored one by one.
    private static let rangeLimit = Double(1 << 24)
}
