import Compute
import Model

// Lowers quantized networks at float precision: integers of 4, 8 and 16 bits are held as floats, which represent them
// exactly, and weights are dequantized while lowering.
extension ONNXLowering {
    /// Operators on quantized weights and values.
    ///
    /// - SeeAlso: onnx/Operators.md#DynamicQuantizeLinear | onnxruntime/docs/ContribOperators.md#com.microsoft.MatMulNBits
    static let quantization: [String: ONNXOperator] = [
        "ConvInteger": ONNXOperator(isDiscrete: true) { try $0.integerConvolution($1) },
        "DequantizeLinear": ONNXOperator { try $0.dequantizeLinear($1) },
        "DynamicQuantizeLinear": ONNXOperator(isDiscrete: true) { try $0.dynamicQuantizeLinear($1) },
        "MatMulInteger": ONNXOperator(isDiscrete: true) { try $0.integerMatMul($1) },
        "QuantizeLinear": ONNXOperator(isDiscrete: true) { try $0.quantizeLinear($1) },
        "com.microsoft.DequantizeLinear": ONNXOperator { try $0.dequantizeLinear($1) },
        "com.microsoft.MatMulNBits": ONNXOperator { try $0.blockwiseMatMul($1) },
        "com.microsoft.QuantizeLinear": ONNXOperator(isDiscrete: true) { try $0.quantizeLinear($1) },
    ]

    // MARK: Linear quantization

    /// Lowers `(x - zero point) * scale`, at once where all three are known.
    private mutating func dequantizeLinear(_ node: NodeView) throws(FormatError) {
        let scales = try scales(node)
        if let x = known(try node.input(0)), let scale = known(try node.input(1)) {
            let zero = node.hasInput(2) ? known(node.inputs[2]) : nil
            if zero != nil || !node.hasInput(2) {
                return try define(node, known: try scales.dequantized(x, scale, zero, node))
            }
        }
        guard scales.block == 0 else { throw node.unsupported(" of computed values in blocks") }
        var value = try floats(node, 0)
        if node.hasInput(2) {
            value = try emit(.binary(.subtract), [value, try row(node, 2, scales)], node)
        }
        try finish(.binary(.multiply), [value, try row(node, 1, scales)], node)
    }

    /// Lowers `saturate(round(x / scale) + zero point)`.
    private mutating func quantizeLinear(_ node: NodeView) throws(FormatError) {
        let scales = try scales(node)
        guard scales.block == 0 else { throw node.unsupported(" in blocks") }
        let range = try quantizedRange(node)
        let quotient = try emit(.binary(.divide), [try floats(node, 0), try row(node, 1, scales)], node)
        var value = try emit(.unary(.round), [quotient], node)
        if node.hasInput(2) { value = try emit(.binary(.add), [value, try row(node, 2, scales)], node) }
        try finish(.unary(.clip(minimum: range.lowerBound, maximum: range.upperBound)), [value], node)
    }

    /// The numbers of the type that a `QuantizeLinear` makes: that of its zero point, else of its attribute, else uint8.
    private func quantizedRange(_ node: NodeView) throws(FormatError) -> ClosedRange<Float> {
        if node.hasInput(2) {
            guard let type = integerType(node.inputs[2]) else {
                throw node.unsupported(" with a computed zero point, or one of a type that is not run")
            }
            return type.range
        }
        let type = node.int("output_dtype").flatMap { $0 == 0 ? nil : Int64($0) } ?? NarrowInteger.uint8.rawValue
        guard let integer = NarrowInteger(rawValue: type) else {
            throw node.unsupported(" to \(ElementType.name(onnx: type))")
        }
        return integer.range
    }

    /// Lowers the quantization of a tensor to uint8 by its own smallest and largest element: the values, the scale and the
    /// zero point.
    private mutating func dynamicQuantizeLinear(_ node: NodeView) throws(FormatError) {
        let x = try operand(node, 0)
        let axes = Array(graph.shape(x).dimensions.indices)
        let zero = try factor(0, node)
        let low = try emit(.reduce(.minimum, axes: axes, keepsAxes: false), [x], node)
        let high = try emit(.reduce(.maximum, axes: axes, keepsAxes: false), [x], node)
        let minimum = try emit(.binary(.minimum), [low, zero], node)
        let maximum = try emit(.binary(.maximum), [high, zero], node)
        let range = try emit(.binary(.subtract), [maximum, minimum], node)
        let isEmpty = try emit(.compare(.equal), [range, zero], node)
        let step = try emit(.binary(.divide), [range, try factor(255, node)], node)
        let scale = try emit(.select, [isEmpty, try factor(1, node), step], node)
        let clip = Op.unary(.clip(minimum: 0, maximum: 255))
        let start = try emit(.unary(.negate), [try emit(.binary(.divide), [minimum, scale], node)], node)
        let zeroPoint = try emit(.unary(.round), [try emit(clip, [start], node)], node)
        let rounded = try emit(.unary(.round), [try emit(.binary(.divide), [x, scale], node)], node)
        if let name = node.output(1) { define(name, .computed(scale)) }
        if let name = node.output(2) { define(name, .computed(zeroPoint)) }
        try finish(clip, [try emit(.binary(.add), [rounded, zeroPoint], node)], node)
    }

    // MARK: Products of integers

    /// Lowers the product of two matrices of integers less their zero points; sums up to 2^24 are exact in float32, and
    /// larger ones have 24 bits.
    private mutating func integerMatMul(_ node: NodeView) throws(FormatError) {
        let (left, right) = (try shape(node, 0), try shape(node, 1))
        guard left.rank >= 2, right.rank >= 2 else {
            throw unfit(node, "shapes \(left) and \(right) are not matrices")
        }
        let operands = [
            try centered(node, 0, zeroPoint: 2, axis: left.rank - 2),
            try centered(node, 1, zeroPoint: 3, axis: right.rank - 1),
        ]
        try finish(.matMul(transposeLeft: false, transposeRight: false), operands, node)
    }

    /// Lowers the convolution of integers less their zero points, as ``integerMatMul(_:)``.
    private mutating func integerConvolution(_ node: NodeView) throws(FormatError) {
        let operands = [try centered(node, 0, zeroPoint: 2, axis: 1), try centered(node, 1, zeroPoint: 3, axis: 0)]
        try finish(try convolutionOp(node), operands, node)
    }

    /// An operand less its zero point, which is one number or one for each place of an axis.
    private mutating func centered(
        _ node: NodeView, _ position: Int, zeroPoint: Int, axis: Int
    ) throws(FormatError) -> ValueID {
        let scales = Scales(axis: axis, shape: try shape(node, position), block: 0)
        if let tensor = known(try node.input(position)) {
            let zero = node.hasInput(zeroPoint) ? known(node.inputs[zeroPoint]) : nil
            if zero != nil || !node.hasInput(zeroPoint) {
                let one = try node.tensor(1)
                return addParameter(node.inputs[position], try scales.dequantized(tensor, one, zero, node))
            }
        }
        let value = try floats(node, position)
        guard node.hasInput(zeroPoint) else { return value }
        return try emit(.binary(.subtract), [value, try row(node, zeroPoint, scales)], node)
    }

    /// Lowers `com.microsoft.MatMulNBits`: a product with a weight `[N, K]` of 2, 4 or 8 bits, with a scale, and optionally
    /// a zero point, for each block of a row.
    private mutating func blockwiseMatMul(_ node: NodeView) throws(FormatError) {
        let weight = try BlockwiseWeight(node, of: self)
        let x = try operand(node, 0)
        guard graph.shape(x).dimensions.last == weight.columns, graph.shape(x).rank >= 2 else {
            throw unfit(node, "a value of shape \(graph.shape(x)) for K of \(weight.columns)")
        }
        var operands = [x, addParameter(node.inputs[1], try weight.tensor(node))]
        if node.hasInput(5) {
            guard try shape(node, 5).dimensions == [weight.rows] else { throw unfit(node, "its bias does not fit") }
            operands.append(try operand(node, 5))
        }
        try finish(.matMul(transposeLeft: false, transposeRight: true), operands, node)
    }

    // MARK: Operands

    /// An operand as floats.
    private mutating func floats(_ node: NodeView, _ position: Int) throws(FormatError) -> ValueID {
        let value = try operand(node, position)
        return graph.type(value).element == .float32 ? value : try emit(.cast(.float32), [value], node)
    }

    /// A scale or zero point that broadcasts to the first operand.
    private mutating func row(
        _ node: NodeView, _ position: Int, _ scales: Scales
    ) throws(FormatError) -> ValueID {
        let sizes = try scales.sizes(of: try shape(node, position), node)
        return try reshaped(try floats(node, position), sizes, node)
    }

    private func scales(_ node: NodeView) throws(FormatError) -> Scales {
        let x = try shape(node, 0)
        let block = node.int("block_size") ?? 0
        guard (0...1 << 40).contains(block) else { throw unfit(node, "blocks of \(block)") }
        let given = node.int("axis") ?? 1
        let axis = x.axis(given)
        guard try shape(node, 1).elementCount == 1 || axis != nil else {
            throw unfit(node, "axis \(given) of a value of shape \(x)")
        }
        return Scales(axis: axis ?? 0, shape: x, block: block)
    }
}

/// The places of scales and zero points: one for a whole tensor, one for each place of an axis, or one for each block of
/// that axis.
private struct Scales {
    let axis: Int
    let shape: Shape
    /// The places of the axis that share a scale; 0 without blocks.
    let block: Int

    /// The sizes in which scales broadcast to the value.
    func sizes(of scales: Shape, _ node: NodeView) throws(FormatError) -> [Int] {
        guard scales.elementCount != 1 else { return [] }
        guard scales.rank == 1, shape.rank > axis, scales[0] == shape[axis] else { throw unfit(scales, node) }
        return shape.dimensions.indices.map { $0 == axis ? scales[0] : 1 }
    }

    private func unfit(_ scales: Shape, _ node: NodeView) -> FormatError {
        .invalidONNX(
            "node \(node.description): scales or zero points of shape \(scales) for a value of shape \(shape), axis \(axis)"
        )
    }

    /// `(x - zero) * scale`.
    func dequantized(
        _ x: Tensor, _ scale: Tensor, _ zero: Tensor?, _ node: NodeView
    ) throws(FormatError) -> Tensor {
        let (places, inner) = (
            shape.rank > axis ? shape[axis] : 1, shape.dimensions.dropFirst(axis + 1).reduce(1, *)
        )
        let blocks = block == 0 ? places : (places + block - 1) / block
        func index(_ tensor: Tensor) throws(FormatError) -> @Sendable (Int, Int, Int) -> Int {
            if tensor.shape.elementCount == 1 { return { _, _, _ in 0 } }
            guard block > 0 else {
                _ = try sizes(of: tensor.shape, node)
                return { _, place, _ in place }
            }
            var expected = shape.dimensions
            if shape.rank > axis { expected[axis] = blocks }
            guard tensor.shape.dimensions == expected else { throw unfit(tensor.shape, node) }
            let block = block
            return { outer, place, column in (outer * blocks + place / block) * inner + column }
        }
        let scaleIndex = try index(scale)
        let zeroIndex = try zero.map { (tensor) throws(FormatError) in try index(tensor) }
        let (values, scales, zeros) = (x.integersAsFloats, scale.integersAsFloats, zero?.integersAsFloats)
        var result: [Float] = []
        result.reserveCapacity(values.count)
        for (position, value) in values.enumerated() {
            let column = position % max(1, inner)
            let place = position / max(1, inner) % max(1, places)
            let outer = position / max(1, inner) / max(1, places)
            let shift = zeros.flatMap { zeros in zeroIndex.map { zeros[$0(outer, place, column)] } } ?? 0
            result.append((value - shift) * scales[scaleIndex(outer, place, column)])
        }
        return try node.tensor(result, shape.dimensions)
    }
}

/// The packed weight of a `MatMulNBits`.
///
/// - SeeAlso: onnxruntime/docs/ContribOperators.md#com.microsoft.MatMulNBits
private struct BlockwiseWeight {
    let rows: Int
    let columns: Int
    private let bits: Int
    private let block: Int
    private let blocks: Int
    private let packed: [Float]
    private let scales: [Float]
    /// The zero point of each block; nil for the middle of the range.
    private let zeros: [Float]?
    /// The block of each column; nil for the next one after every `block` columns.
    private let groups: [Int]?

    init(_ node: NodeView, of lowering: ONNXLowering) throws(FormatError) {
        func unfit(_ what: String) -> FormatError { .invalidONNX("node \(node.description): \(what)") }
        func known(_ position: Int) throws(FormatError) -> Tensor? {
            guard node.hasInput(position) else { return nil }
            guard let tensor = lowering.known(node.inputs[position]) else {
                throw node.unsupported(" with a weight that is computed")
            }
            return tensor
        }
        let (rows, columns) = (node.int("N") ?? 0, node.int("K") ?? 0)
        let (bits, block) = (node.int("bits") ?? 4, node.int("block_size") ?? 0)
        guard lowering.integerType(try node.input(1)) == .uint8 else {
            throw node.unsupported(" with a weight that is not packed in bytes")
        }
        guard [2, 4, 8].contains(bits) else { throw node.unsupported(" of \(bits) bits") }
        guard rows > 0, (1...1 << 40).contains(columns), block >= 8, block <= 1 << 20, block & (block - 1) == 0 else {
            throw unfit("N of \(rows), K of \(columns) and blocks of \(block)")
        }
        guard let weight = try known(1), let scale = try known(2) else { throw unfit("it has no weight or no scales") }
        let blocks = (columns - 1) / block + 1
        let (bytesOfBlock, bytesOfZeros) = (block * bits / 8, (blocks * bits + 7) / 8)
        func count(_ factor: Int) throws(FormatError) -> Int {
            let (product, overflow) = rows.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw unfit("N of \(rows) and K of \(columns) are too large") }
            return product
        }
        guard weight.shape.elementCount == (try count(blocks * bytesOfBlock)),
            scale.shape.elementCount == (try count(blocks))
        else {
            throw unfit(
                "a weight of shape \(weight.shape) and scales of shape \(scale.shape) for N of \(rows), K of \(columns) and "
                    + "blocks of \(block)")
        }
        packed = weight.integersAsFloats
        scales = scale.integersAsFloats
        if let zero = try known(3) {
            let given = zero.integersAsFloats
            let type = lowering.integerType(node.inputs[3])
            if type == nil, zero.shape.elementCount == (try count(blocks)) {
                zeros = given
            } else if type == .uint8, given.count == (try count(bytesOfZeros)) {
                zeros = (0..<(try count(blocks))).map { index in
                    let (row, place) = (index / blocks, index % blocks)
                    return Self.element(place, of: given, from: row * bytesOfZeros, bits: bits)
                }
            } else {
                throw unfit("zero points of shape \(zero.shape) for N of \(rows) and \(blocks) blocks")
            }
        } else {
            zeros = nil
        }
        if let given = try known(4) {
            guard given.type == .int32 || given.type == .int64 else { throw unfit("g_idx of \(given.type)") }
            let places = given.type == .int64 ? given.int64s.map { Int($0) } : given.int32s.map { Int($0) }
            let padded = blocks * block
            guard places.count == columns || places.count == padded, places.allSatisfy((0..<blocks).contains) else {
                throw unfit("g_idx of shape \(given.shape)")
            }
            groups = places
        } else {
            groups = nil
        }
        (self.rows, self.columns, self.bits, self.block, self.blocks) = (rows, columns, bits, block, blocks)
    }

    /// A number of a few bits; the lowest bits of a byte come first.
    private static func element(_ index: Int, of bytes: [Float], from start: Int, bits: Int) -> Float {
        let perByte = 8 / bits
        let byte = Int(bytes[start + index / perByte])
        return Float(byte >> (index % perByte * bits) & ((1 << bits) - 1))
    }

    /// The weight `[N, K]`.
    func tensor(_ node: NodeView) throws(FormatError) -> Tensor {
        let middle = Float(1 << (bits - 1))
        let bytesOfRow = blocks * block * bits / 8
        var result: [Float] = []
        result.reserveCapacity(rows * columns)
        for row in 0..<rows {
            for column in 0..<columns {
                let place = row * blocks + (groups?[column] ?? column / block)
                let value = Self.element(column, of: packed, from: row * bytesOfRow, bits: bits)
                result.append((value - (zeros?[place] ?? middle)) * scales[place])
            }
        }
        return try node.tensor(result, [rows, columns])
    }
}

extension Tensor {
    /// The elements as floats.
    fileprivate var integersAsFloats: [Float] {
        switch type {
        case .float32: floats
        case .int64: int64s.map { Float($0) }
        case .int32: int32s.map { Float($0) }
        case .bool: bools.map { $0 ? 1 : 0 }
        }
    }
}
