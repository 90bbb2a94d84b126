import Compute

extension Op {
    /// The prepared step that computes the op.
    ///
    /// - Parameters:
    ///   - x: the operands, in the order that ``Op`` lists them.
    ///   - result: memory of the inferred type.
    /// - Returns: nil for a leaf, which computes nothing.
    /// - Throws: ``ComputeError`` when no kernel can be prepared.
    func step(_ x: [Tensor], into result: Tensor) throws(ComputeError) -> Step? {
        switch self {
        case .input, .parameter, .constant:
            return nil
        case .matMul(let transposeLeft, let transposeRight):
            return try .matMul(
                x[0], transposed: transposeLeft, x[1], transposed: transposeRight, bias: x.count > 2 ? x[2] : nil,
                into: result)
        case .fusedMatMul(let transposeLeft, let transposeRight, let epilogue):
            return try .matMul(
                x[0], transposed: transposeLeft, x[1], transposed: transposeRight,
                bias: epilogue.hasBias ? x[2] : nil, activation: epilogue.activation,
                adding: epilogue.isSummed ? x.last : nil, into: result)
        case .attention(let attention, _):
            return try .attention(
                attention, query: x[0], key: x[1], value: x[2], mask: x.count > 3 ? x[3] : nil, into: result)
        case .attentionGradient(let attention, let parts):
            return try .attentionBackward(
                attention, parts, query: x[0], key: x[1], value: x[2], dy: x[3], mask: x.count > 4 ? x[4] : nil,
                into: result)
        case .convolution(let window, let groups):
            return try .convolution(
                x[0], weight: x[1], bias: x.count > 2 ? x[2] : nil, window: window, groups: groups, into: result)
        case .fusedConvolution(let window, let groups, let activation):
            return try .convolution(
                x[0], weight: x[1], bias: x.count > 2 ? x[2] : nil, window: window, groups: groups,
                activation: activation, into: result)
        case .binary(let kind):
            return try .binary(kind, x[0], x[1], into: result)
        case .compare(let kind):
            return try .compare(kind, x[0], x[1], into: result)
        case .logical(let kind):
            return try .logical(kind, x[0], x[1], into: result)
        case .predicate(let kind):
            return try .predicate(kind, x[0], into: result)
        case .select:
            return try .select(x[0], x[1], x[2], into: result)
        case .unary(let kind):
            return try .unary(kind, x[0], into: result)
        case .prelu:
            return try .prelu(x[0], slope: x[1], into: result)
        case .batchNorm(let epsilon):
            return try .batchNorm(
                x[0], scale: x[1], bias: x[2], mean: x[3], variance: x[4], epsilon: epsilon, into: result)
        case .cast:
            return try .cast(x[0], into: result)
        case .chain(let chain):
            return try .chain(chain, x, into: result)
        case .softmax(let axis):
            return try .softmax(x[0], axis: axis, into: result)
        case .logSoftmax(let axis):
            return try .logSoftmax(x[0], axis: axis, into: result)
        case .norm(let kind, let axes, let epsilon):
            return try .norm(
                kind, x[0], axes: axes, scale: x.count > 1 ? x[1] : nil, bias: x.count > 2 ? x[2] : nil,
                epsilon: epsilon, into: result)
        case .reduce(let kind, let axes, _):
            return try .reduce(kind, x[0], axes: axes, into: result)
        case .extreme(let kind, let axis, _, let takesLast):
            return try .extreme(kind, x[0], axis: axis, takesLast: takesLast, into: result)
        case .cumulativeSum(let axis, let isExclusive, let isReversed):
            return try .cumulativeSum(
                x[0], axis: axis, isExclusive: isExclusive, isReversed: isReversed, into: result)
        case .maxPool(let window):
            return try .maxPool(x[0], window: window, into: result)
        case .averagePool(let window, let countsPadding):
            return try .averagePool(x[0], window: window, countsIncludePad: countsPadding, into: result)
        case .resample(let resampling, let axis):
            return try .resample(x[0], axis: axis, by: resampling, into: result)
        case .reshape:
            return try .copy(x[0].reshaped(result.shape), into: result)
        case .transpose(let permutation):
            return try .transpose(x[0], permutation: permutation, into: result)
        case .concat(let axis):
            return try .concat(x, axis: axis, into: result)
        case .slice(let axis, let start, _, let step):
            return try .slice(x[0], axis: axis, start: start, step: step, into: result)
        case .broadcast:
            return try .broadcast(x[0], into: result)
        case .pad(let kind, let before, let after):
            return try .pad(kind, x[0], value: x.count > 1 ? x[1] : nil, before: before, after: after, into: result)
        case .triangle(let isUpper, let diagonal):
            return try .triangle(x[0], isUpper: isUpper, diagonal: diagonal, into: result)
        case .gather(let axis):
            return try .gather(x[0], indices: x[1], axis: axis, into: result)
        case .gatherElements(let axis):
            return try .gatherElements(x[0], indices: x[1], axis: axis, into: result)
        case .gatherND(let batchAxes):
            return try .gatherND(x[0], indices: x[1], batchAxes: batchAxes, into: result)
        case .scatterElements(let kind, let axis):
            return try .scatterElements(kind, x[0], indices: x[1], updates: x[2], axis: axis, into: result)
        case .scatterND(let kind, let batchAxes):
            return try .scatterND(kind, x[0], indices: x[1], updates: x[2], batchAxes: batchAxes, into: result)
        case .crossEntropy(let ignored):
            return try .crossEntropy(logits: x[0], labels: x[1], ignoreIndex: ignored, into: result)
        case .distillation:
            return try .distillation(teacher: x[0], student: x[1], into: result)
        case .binaryCrossEntropy:
            return try .binaryCrossEntropy(logits: x[0], targets: x[1], into: result)
        case .meanSquare:
            return try .meanSquare(x[0], x[1], into: result)
        case .unaryGradient(let kind):
            return try .unaryBackward(kind, x: x[0], dy: x[1], into: result)
        case .binaryGradient(let kind, let isLeft):
            return try .binaryBackward(kind, x[0], x[1], dy: x[2], byLeft: isLeft, into: result)
        case .preluGradient:
            return try .preluBackward(x[0], slope: x[1], dy: x[2], into: result)
        case .preluSlopeGradient:
            return try .preluSlopeBackward(x[0], slope: x[1], dy: x[2], into: result)
        case .softmaxGradient(let axis):
            return try .softmaxBackward(y: x[0], dy: x[1], axis: axis, into: result)
        case .logSoftmaxGradient(let axis):
            return try .logSoftmaxBackward(y: x[0], dy: x[1], axis: axis, into: result)
        case .normGradient(let kind, let axes, let epsilon, let isSummed):
            let rest = x.dropFirst(2).dropLast(isSummed ? 1 : 0)
            return try .normBackward(
                kind, x[0], axes: axes, scale: rest.first, dy: x[1], sum: isSummed ? x.last : nil, epsilon: epsilon,
                into: result)
        case .normFactorsGradient(let kind, let axes, let epsilon):
            return try .normFactorsBackward(kind, x[0], axes: axes, dy: x[1], epsilon: epsilon, into: result)
        case .productGradient(let axes):
            return try .productBackward(x[0], axes: axes, dy: x[1], into: result)
        case .resampleGradient(let resampling, let axis):
            return try .resampleBackward(dy: x[0], axis: axis, by: resampling, into: result)
        case .convolutionDataGradient(let window, let groups, _):
            return try .convolutionBackwardData(dy: x[0], weight: x[1], window: window, groups: groups, into: result)
        case .convolutionWeightGradient(let window, let groups, _):
            return try .convolutionBackwardWeights(x[0], dy: x[1], window: window, groups: groups, into: result)
        case .maxPoolGradient(let window):
            return try .maxPoolBackward(x[0], dy: x[1], window: window, into: result)
        case .averagePoolGradient(let window, let countsPadding, _):
            return try .averagePoolBackward(dy: x[0], window: window, countsIncludePad: countsPadding, into: result)
        case .padSlice(let axis, let start, let step, _):
            return try .padSlice(x[0], axis: axis, start: start, step: step, into: result)
        case .padGradient(let kind, let before, let after, _):
            return try .padBackward(kind, dy: x[0], before: before, after: after, into: result)
        case .gatherGradient(let axis, _):
            return try .gatherBackward(indices: x[0], dy: x[1], axis: axis, into: result)
        case .crossEntropyGradient(let ignored):
            return try .crossEntropyBackward(
                logits: x[0], labels: x[1], ignoreIndex: ignored, dLoss: x[2], into: result)
        case .distillationGradient:
            return try .distillationBackward(teacher: x[0], student: x[1], dLoss: x[2], into: result)
        case .binaryCrossEntropyGradient:
            return try .binaryCrossEntropyBackward(logits: x[0], targets: x[1], dLoss: x[2], into: result)
        case .meanSquareGradient:
            return try .meanSquareBackward(x[0], x[1], dLoss: x[2], into: result)
        }
    }
}
