import Compute

extension Op {
    /// The op as a prepared call on memory.
    ///
    /// - Parameters:
    ///   - x: the operands, in the order ``Op`` names them.
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
        case .convolution(let window, let groups):
            return try .convolution(
                x[0], weight: x[1], bias: x.count > 2 ? x[2] : nil, window: window, groups: groups, into: result)
        case .binary(let kind):
            return try .binary(kind, x[0], x[1], into: result)
        case .unary(let kind):
            return try .unary(kind, x[0], into: result)
        case .prelu:
            return try .prelu(x[0], slope: x[1], into: result)
        case .batchNorm(let epsilon):
            return try .batchNorm(
                x[0], scale: x[1], bias: x[2], mean: x[3], variance: x[4], epsilon: epsilon, into: result)
        case .cast:
            return try .cast(x[0], into: result)
        case .softmax(let axis):
            return try .softmax(x[0], axis: axis, into: result)
        case .reduce(let kind, let axes, _):
            return try .reduce(kind, x[0], axes: axes, into: result)
        case .maxPool(let window):
            return try .maxPool(x[0], window: window, into: result)
        case .averagePool(let window, let countsPadding):
            return try .averagePool(x[0], window: window, countsIncludePad: countsPadding, into: result)
        case .reshape:
            return try .copy(x[0].reshaped(result.shape), into: result)
        case .transpose(let permutation):
            return try .transpose(x[0], permutation: permutation, into: result)
        case .concat(let axis):
            return try .concat(x, axis: axis, into: result)
        case .slice(let axis, let start, _):
            return try .slice(x[0], axis: axis, start: start, into: result)
        case .broadcast:
            return try .broadcast(x[0], into: result)
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
        case .preluGradient:
            return try .preluBackward(x[0], slope: x[1], dy: x[2], into: result)
        case .preluSlopeGradient:
            return try .preluSlopeBackward(x[0], slope: x[1], dy: x[2], into: result)
        case .softmaxGradient(let axis):
            return try .softmaxBackward(y: x[0], dy: x[1], axis: axis, into: result)
        case .convolutionDataGradient(let window, let groups, _):
            return try .convolutionBackwardData(dy: x[0], weight: x[1], window: window, groups: groups, into: result)
        case .convolutionWeightGradient(let window, let groups, _):
            return try .convolutionBackwardWeights(x[0], dy: x[1], window: window, groups: groups, into: result)
        case .maxPoolGradient(let window):
            return try .maxPoolBackward(x[0], dy: x[1], window: window, into: result)
        case .averagePoolGradient(let window, let countsPadding, _):
            return try .averagePoolBackward(dy: x[0], window: window, countsIncludePad: countsPadding, into: result)
        case .padSlice(let axis, let start, _):
            return try .padSlice(x[0], axis: axis, start: start, into: result)
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
