import Compute

extension Op {
    /// The first operand whose elements no kernel takes.
    ///
    /// - Parameter operands: in the order ``Op`` names them.
    /// - Returns: nil when all fit.
    func elementTypeMismatch(_ operands: [ElementType]) -> (expected: ElementType, found: ElementType)? {
        switch self {
        case .input, .parameter, .constant, .cast, .reshape, .transpose, .slice:
            return nil
        case .concat:
            guard let first = operands.first, let other = operands.first(where: { $0 != first }) else { return nil }
            return (first, other)
        case .crossEntropy, .crossEntropyGradient:
            // The second are the labels.
            if let logits = operands.first, logits != .float32 { return (.float32, logits) }
            return operands.count > 1 && operands[1] != .int64 ? (.int64, operands[1]) : nil
        case .matMul, .convolution, .binary, .unary, .prelu, .batchNorm, .softmax, .reduce, .maxPool, .averagePool,
            .broadcast, .distillation, .binaryCrossEntropy, .meanSquare, .unaryGradient, .preluGradient,
            .preluSlopeGradient, .softmaxGradient, .convolutionDataGradient, .convolutionWeightGradient,
            .maxPoolGradient, .averagePoolGradient, .padSlice, .distillationGradient, .binaryCrossEntropyGradient,
            .meanSquareGradient:
            return operands.first { $0 != .float32 }.map { (.float32, $0) }
        }
    }
}
