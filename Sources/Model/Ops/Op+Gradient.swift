import Compute

extension Graph {
    /// Appends the gradient of each wanted operand of a node: the backward rules, one per op.
    ///
    /// - Parameters:
    ///   - value: the node `y`.
    ///   - dy: the gradient of the loss with respect to `y`, of the shape of `y`.
    ///   - isWanted: for each operand, whether its gradient is needed.
    /// - Returns: the gradient of each operand, of its shape, or nil where there is none or it is not needed.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory for a constant, and
    ///   ``ModelError/noDerivative(value:reason:)`` for the kinds of scatter without a backward rule.
    mutating func appendDerivatives(
        of value: ValueID, adjoint dy: ValueID, isWanted: [Bool]
    ) throws(ModelError) -> [ValueID?] {
        let node = self[value]
        let operands = node.operands
        var result = [ValueID?](repeating: nil, count: operands.count)

        switch node.op {
        case .input, .parameter, .constant, .compare, .logical, .predicate, .extreme:
            break
        case .select:
            let zero = try appendConstant(0)
            if isWanted[1] {
                result[1] = try sum(try append(.select, [operands[0], dy, zero]), to: shape(operands[1]))
            }
            if isWanted[2] {
                result[2] = try sum(try append(.select, [operands[0], zero, dy]), to: shape(operands[2]))
            }
        case .matMul(let transposeLeft, let transposeRight):
            if isWanted[0] {
                let product =
                    transposeLeft
                    ? try append(
                        .matMul(transposeLeft: transposeRight, transposeRight: true), [operands[1], dy])
                    : try append(
                        .matMul(transposeLeft: false, transposeRight: !transposeRight), [dy, operands[1]])
                result[0] = try sum(product, to: shape(operands[0]))
            }
            if isWanted[1] {
                // One product over all rows is faster than a product per leading index and a sum.
                let isFlat = shape(operands[1]).rank == 2 && !transposeLeft
                let left = isFlat ? try flattened(operands[0]) : operands[0]
                let rows = isFlat ? try flattened(dy) : dy
                let product =
                    transposeRight
                    ? try append(.matMul(transposeLeft: true, transposeRight: transposeLeft), [rows, left])
                    : try append(.matMul(transposeLeft: !transposeLeft, transposeRight: false), [left, rows])
                result[1] = try sum(product, to: shape(operands[1]))
            }
            if isWanted.count > 2, isWanted[2] { result[2] = try sum(dy, to: shape(operands[2])) }
        case .attention(let attention, _):
            result = try attentionDerivatives(attention, operands, dy)
        case .convolution(let window, let groups):
            if isWanted[0] {
                let op = Op.convolutionDataGradient(window, groups: groups, shape(operands[0]))
                result[0] = try append(op, [dy, operands[1]])
            }
            if isWanted[1] {
                let op = Op.convolutionWeightGradient(window, groups: groups, shape(operands[1]))
                result[1] = try append(op, [operands[0], dy])
            }
            if isWanted.count > 2, isWanted[2] { result[2] = try sumToChannels(dy) }
        case .convolutionDataGradient(let window, let groups, _):
            if isWanted[0] { result[0] = try append(.convolution(window, groups: groups), [dy, operands[1]]) }
            if isWanted[1] {
                let op = Op.convolutionWeightGradient(window, groups: groups, shape(operands[1]))
                result[1] = try append(op, [dy, operands[0]])
            }
        case .binary(let kind):
            for (index, derivative) in try binaryDerivatives(kind, value, dy, isWanted).enumerated() {
                if let derivative { result[index] = try sum(derivative, to: shape(operands[index])) }
            }
        case .unary(let kind):
            // The input of a ReLU is positive exactly where its result is, so the input need not be kept.
            result[0] = try append(.unaryGradient(kind), [kind == .relu ? value : operands[0], dy])
        case .prelu:
            if isWanted[0] { result[0] = try append(.preluGradient, [operands[0], operands[1], dy]) }
            if isWanted[1] { result[1] = try append(.preluSlopeGradient, [operands[0], operands[1], dy]) }
        case .batchNorm(let epsilon):
            result = try batchNormDerivatives(operands, dy, epsilon: epsilon, isWanted)
        case .cast:
            if type(operands[0]).element == .float32 { result[0] = dy }
        case .softmax(let axis):
            result[0] = try append(.softmaxGradient(axis: axis), [value, dy])
        case .logSoftmax(let axis):
            result[0] = try append(.logSoftmaxGradient(axis: axis), [value, dy])
        case .norm(let kind, let axes, let epsilon):
            let scale = operands.dropFirst().prefix(1)
            if isWanted[0] {
                result[0] = try append(
                    .normGradient(kind, axes: axes, epsilon: epsilon, isSummed: false), [operands[0], dy] + scale)
            }
            guard isWanted.dropFirst().contains(true) else { break }
            let factors = try append(.normFactorsGradient(kind, axes: axes, epsilon: epsilon), [operands[0], dy])
            for index in 1..<operands.count where isWanted[index] {
                let factor = try append(.slice(axis: 0, start: index - 1, count: 1), [factors])
                result[index] = try append(.reshape(shape(operands[index])), [factor])
            }
        case .reduce(let kind, let axes, _):
            result[0] = try reduceDerivative(kind, axes, value, dy)
        case .cumulativeSum(let axis, let isExclusive, let isReversed):
            let op = Op.cumulativeSum(axis: axis, isExclusive: isExclusive, isReversed: !isReversed)
            result[0] = try append(op, [dy])
        case .resample(let resampling, let axis):
            result[0] = try append(.resampleGradient(resampling, axis: axis), [dy])
        case .maxPool(let window):
            result[0] = try append(.maxPoolGradient(window), [operands[0], dy])
        case .averagePool(let window, let countsPadding):
            let op = Op.averagePoolGradient(window, countsPadding: countsPadding, shape(operands[0]))
            result[0] = try append(op, [dy])
        case .reshape:
            result[0] = try append(.reshape(shape(operands[0])), [dy])
        case .transpose(let permutation):
            var inverse = permutation
            for (axis, source) in permutation.enumerated() { inverse[source] = axis }
            result[0] = try append(.transpose(inverse), [dy])
        case .concat(let axis):
            var start = 0
            for (index, operand) in operands.enumerated() {
                let count = shape(operand)[axis]
                if isWanted[index] { result[index] = try append(.slice(axis: axis, start: start, count: count), [dy]) }
                start += count
            }
        case .slice(let axis, let start, _, let step):
            result[0] = try append(.padSlice(axis: axis, start: start, step: step, shape(operands[0])), [dy])
        case .broadcast:
            result[0] = try sum(dy, to: shape(operands[0]))
        case .pad(let kind, let before, let after):
            result = try padDerivatives(kind, before, after, operands, dy, isWanted)
        case .triangle(let isUpper, let diagonal):
            result[0] = try append(.triangle(isUpper: isUpper, diagonal: diagonal), [dy])
        case .gather, .gatherElements, .gatherND, .scatterElements, .scatterND:
            result = try indexedDerivatives(of: value, dy, isWanted)
        case .crossEntropy(let ignored):
            result[0] = try append(.crossEntropyGradient(ignoring: ignored), [operands[0], operands[1], dy])
        case .distillation:
            result[1] = try append(.distillationGradient, [operands[0], operands[1], dy])
        case .binaryCrossEntropy:
            result[0] = try append(.binaryCrossEntropyGradient, [operands[0], operands[1], dy])
        case .meanSquare:
            if isWanted[0] { result[0] = try append(.meanSquareGradient, [operands[0], operands[1], dy]) }
            if isWanted[1] { result[1] = try append(.meanSquareGradient, [operands[1], operands[0], dy]) }
        case .fusedMatMul, .fusedConvolution, .chain, .attentionGradient, .unaryGradient, .binaryGradient,
            .preluGradient,
            .preluSlopeGradient,
            .softmaxGradient,
            .logSoftmaxGradient, .normGradient, .normFactorsGradient, .productGradient, .resampleGradient,
            .convolutionWeightGradient, .maxPoolGradient, .averagePoolGradient, .padSlice,
            .padGradient, .gatherGradient, .crossEntropyGradient, .distillationGradient, .binaryCrossEntropyGradient,
            .meanSquareGradient:
            preconditionFailure("nothing here asks for a second derivative")
        }
        return result
    }

    /// The gradients of an attention, as slices of the flat result of one op.
    private mutating func attentionDerivatives(
        _ attention: Attention, _ operands: [ValueID], _ dy: ValueID
    ) throws(ModelError) -> [ValueID?] {
        var result = [ValueID?](repeating: nil, count: operands.count)
        guard let parts = attentionParts(attention, of: operands) else {
            preconditionFailure("attention was fused only where it has a derivative")
        }
        let flat = try append(
            .attentionGradient(attention, parts), Array(operands.prefix(3)) + [dy] + operands.dropFirst(3))
        for (part, range) in parts.ranges.enumerated() {
            guard let index = parts.indices.firstIndex(of: part) else { continue }
            let slice = try append(.slice(axis: 0, start: range.lowerBound, count: range.count), [flat])
            result[index] = try append(.reshape(shape(operands[index])), [slice])
        }
        return result
    }

    /// The layout of the gradients: one part for each distinct value among the query, the key and the value.
    func attentionParts(_ attention: Attention, of operands: [ValueID]) -> AttentionParts? {
        var sources: [ValueID] = []
        for operand in operands.prefix(3) where !sources.contains(operand) { sources.append(operand) }
        return AttentionParts(
            attention, indices: operands.prefix(3).compactMap { sources.firstIndex(of: $0) },
            counts: sources.map { shape($0).elementCount })
    }

    private mutating func binaryDerivatives(
        _ kind: BinaryKind, _ value: ValueID, _ dy: ValueID, _ isWanted: [Bool]
    ) throws(ModelError) -> [ValueID?] {
        let (left, right) = (self[value].operands[0], self[value].operands[1])
        switch kind {
        case .add:
            return [isWanted[0] ? dy : nil, isWanted[1] ? dy : nil]
        case .subtract:
            return [isWanted[0] ? dy : nil, isWanted[1] ? try append(.unary(.negate), [dy]) : nil]
        case .multiply:
            return [
                isWanted[0] ? try append(.binary(.multiply), [dy, right]) : nil,
                isWanted[1] ? try append(.binary(.multiply), [dy, left]) : nil,
            ]
        case .divide:
            let quotient = try append(.binary(.divide), [dy, right])
            guard isWanted[1] else { return [quotient, nil] }
            let product = try append(.binary(.multiply), [quotient, value])
            return [isWanted[0] ? quotient : nil, try append(.unary(.negate), [product])]
        case .power, .minimum, .maximum, .modulo, .remainder:
            return [
                isWanted[0] ? try append(.binaryGradient(kind, isLeft: true), [left, right, dy]) : nil,
                isWanted[1] ? try append(.binaryGradient(kind, isLeft: false), [left, right, dy]) : nil,
            ]
        }
    }

    /// The gradients of `y = (x - mean) * scale / sqrt(variance + epsilon) + bias`; the statistics are constants.
    private mutating func batchNormDerivatives(
        _ operands: [ValueID], _ dy: ValueID, epsilon: Float, _ isWanted: [Bool]
    ) throws(ModelError) -> [ValueID?] {
        let (x, scale, mean, variance) = (operands[0], operands[1], operands[3], operands[4])
        let channels = Shape(channels: shape(x)[1], rank: shape(x).rank)
        let shifted = try append(.binary(.add), [variance, try appendConstant(epsilon)])
        let deviation = try append(.unary(.sqrt), [shifted])
        var result = [ValueID?](repeating: nil, count: operands.count)
        if isWanted[0] {
            let slope = try append(.binary(.divide), [scale, deviation])
            result[0] = try append(.binary(.multiply), [dy, try append(.reshape(channels), [slope])])
        }
        if isWanted[1] {
            let centred = try append(.binary(.subtract), [x, try append(.reshape(channels), [mean])])
            let product = try sumToChannels(try append(.binary(.multiply), [dy, centred]))
            result[1] = try append(.binary(.divide), [product, deviation])
        }
        if isWanted[2] { result[2] = try sumToChannels(dy) }
        return result
    }

    /// Sums `[N, C, ...]` to `[C]`.
    private mutating func sumToChannels(_ value: ValueID) throws(ModelError) -> ValueID {
        let axes = (0..<shape(value).rank).filter { $0 != 1 }
        return try append(.reduce(.sum, axes: axes, keepsAxes: false), [value])
    }

    /// Reshapes `[..., K]` to `[rows, K]`.
    private mutating func flattened(_ value: ValueID) throws(ModelError) -> ValueID {
        let full = shape(value)
        return full.rank == 2 ? value : try append(.reshape(full.flattenedToMatrix), [value])
    }
}
