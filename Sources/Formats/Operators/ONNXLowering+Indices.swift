import Compute
import Model

extension ONNXLowering {
    /// Operators that read or write at indices.
    static let indexing: [String: ONNXOperator] = [
        "Gather": ONNXOperator { try $0.gather($1) },
        "GatherElements": ONNXOperator { lowering, node in
            try lowering.append(.gatherElements(axis: try lowering.indexedAxis(node)), node, reading: 2)
        },
        "GatherND": ONNXOperator {
            try $0.append(.gatherND(batchAxes: $1.int("batch_dims") ?? 0), $1, reading: 2)
        },
        "NonZero": ONNXOperator(isDiscrete: true) { try $0.define($1, known: try $0.nonZero($1)) },
        "OneHot": ONNXOperator(isDiscrete: true) { try $0.oneHot($1) },
        "ScatterElements": ONNXOperator { lowering, node in
            let (kind, axis) = (try lowering.scatterKind(node), try lowering.indexedAxis(node))
            try lowering.append(.scatterElements(kind, axis: axis), node, reading: 3)
        },
        "ScatterND": ONNXOperator {
            try $0.append(.scatterND(try $0.scatterKind($1), batchAxes: 0), $1, reading: 3)
        },
    ]

    private func scatterKind(_ node: NodeView) throws(FormatError) -> ScatterKind {
        let kinds: [String: ScatterKind] = [
            "none": .replace, "add": .add, "mul": .multiply, "min": .minimum, "max": .maximum,
        ]
        guard let kind = kinds[node.string("reduction") ?? "none"] else {
            throw node.unsupported(" with that reduction")
        }
        return kind
    }

    /// The largest depth of `OneHot`, whose places are stored one by one.
    private static let depthLimit = 1 << 24

    /// Lowers `OneHot`: the second value at an index, which may count from the end, and the first elsewhere.
    ///
    /// - SeeAlso: onnx/Operators.md#OneHot
    private mutating func oneHot(_ node: NodeView) throws(FormatError) {
        let (indices, type) = (try shape(node, 0), try elementType(node, 0))
        guard let known = known(try node.input(1)), known.shape.elementCount == 1 else {
            throw node.unsupported(" whose depth depends on the data")
        }
        let depth = known.type == .float32 ? Int(exactly: known.floats[0]) ?? -1 : try integers(node, 1)[0]
        guard (0...Self.depthLimit).contains(depth) else { throw unfit(node, "a depth of \(depth)") }
        let (rank, axis) = (indices.rank + 1, node.int("axis") ?? -1)
        let place = axis < 0 ? axis + rank : axis
        guard (0..<rank).contains(place), try shape(node, 2).dimensions == [2] else {
            throw unfit(node, "its axis or its two values do not fit indices of shape \(indices)")
        }
        var index = try operand(node, 0)
        if type != .int64 { index = try emit(.cast(.int64), [index], node) }
        index = try reshaped(index, indices.dimensions[..<place] + [1] + indices.dimensions[place...], node)
        let places = try node.tensor(
            (0..<Int64(depth)).map { $0 }, [depth] + Array(repeating: 1, count: rank - 1 - place))
        let from = try emit(.constant(places), [], node)
        let behind = try emit(.constant(try node.tensor([Int64(depth)], [])), [], node)
        let fromEnd = try emit(.binary(.add), [index, behind], node)
        let hits = try [index, fromEnd].map { (index) throws(FormatError) in
            try emit(.compare(.equal), [index, from], node)
        }
        let isHit = try emit(.logical(.or), hits, node)
        let values = try [1, 0].map { (place) throws(FormatError) in
            let value = try emit(.slice(axis: 0, start: place, count: 1), [try operand(node, 2)], node)
            return try reshaped(value, [], node)
        }
        try finish(.select, [isHit] + values, node)
    }

    /// The maximum number of elements of the operand of `NonZero`.
    private static let searchLimit = 1 << 24

    /// The indices `[rank, count]` of the elements of a known tensor that are not zero, in their order.
    ///
    /// - SeeAlso: onnx/Operators.md#NonZero
    private func nonZero(_ node: NodeView) throws(FormatError) -> Tensor {
        let name = try node.input(0)
        guard let tensor = known(name), !isTrainable(name) else {
            throw node.unsupported(" whose number of results depends on the data")
        }
        let (shape, count) = (tensor.shape, tensor.shape.elementCount)
        guard shape.rank > 0 else { throw unfit(node, "a value without axes has no indices") }
        guard count <= Self.searchLimit else {
            throw .tooLarge("node \(node.description): a value of shape \(shape) is too large")
        }
        let isHit: [Bool] =
            switch tensor.type {
            case .float32: tensor.floats.map { $0 != 0 }
            case .int64: tensor.int64s.map { $0 != 0 }
            case .int32: tensor.int32s.map { $0 != 0 }
            case .bool: tensor.bools
            }
        let hits = isHit.indices.filter { isHit[$0] }
        var (indices, stride) = ([Int64](), count)
        for size in shape.dimensions where count > 0 {
            stride /= size
            indices += hits.map { Int64($0 / stride % size) }
        }
        return try node.tensor(indices, [shape.rank, hits.count])
    }

    /// The axis of a node with indices, which are checked if they are known.
    private func indexedAxis(_ node: NodeView) throws(FormatError) -> Int {
        let axis = try axis(node.int("axis") ?? 0, node)
        _ = try knownIndices(node, into: try shape(node, 0)[axis])
        return axis
    }

    private mutating func gather(_ node: NodeView) throws(FormatError) {
        let axis = try axis(node.int("axis") ?? 0, node)
        let shape = try shape(node, 0)
        if let indices = try knownIndices(node, into: shape[axis]), indices.count == 1 {
            return try part(at: Int(indices[0]), on: axis, of: shape, node)
        }
        try append(.gather(axis: axis), node, reading: 2)
    }

    /// Lowers a `Gather` of one known index to a slice.
    private mutating func part(at index: Int, on axis: Int, of shape: Shape, _ node: NodeView) throws(FormatError) {
        let start = index < 0 ? index + shape[axis] : index
        let part = try emit(.slice(axis: axis, start: start, count: 1), [try operand(node, 0)], node)
        let sizes = shape.dimensions[..<axis] + (try self.shape(node, 1)).dimensions + shape.dimensions[(axis + 1)...]
        try finish(try reshape(Array(sizes), node), [part], node)
    }

    /// The indices of a node, if they are known. Unknown ones read as zero when they are out of range.
    ///
    /// - Throws: ``FormatError`` when a known one is out of range.
    private func knownIndices(_ node: NodeView, into size: Int) throws(FormatError) -> [Int64]? {
        guard let tensor = known(try node.input(1)) else { return nil }
        let indices: [Int64]
        switch tensor.type {
        case .int64: indices = tensor.int64s
        case .int32: indices = tensor.int32s.map(Int64.init)
        case .float32, .bool: return nil
        }
        for index in indices where !(Int64(-size)..<Int64(size)).contains(index) {
            throw unfit(node, "index \(index) into \(size)")
        }
        return indices
    }
}
