import Compute

extension Op {
    /// The first operand with an element type that no kernel supports.
    ///
    /// - Parameter operands: the element types, in the order that ``Op`` lists the operands.
    /// - Returns: nil when all are supported.
    func elementTypeMismatch(_ operands: [ElementType]) -> (expected: ElementType, found: ElementType)? {
        switch self {
        case .input, .parameter, .constant, .cast, .reshape, .transpose, .slice, .broadcast, .triangle:
            return nil
        case .concat, .compare, .pad:
            return firstMismatch(operands, repeating: operands.first ?? .float32)
        case .logical, .predicate(.not):
            return firstMismatch(operands, repeating: .bool)
        case .select:
            return firstMismatch(operands.prefix(1), repeating: .bool)
                ?? firstMismatch(operands.dropFirst(), repeating: operands.dropFirst().first ?? .float32)
        case .binary, .extreme, .cumulativeSum:
            return operands.first == .bool
                ? (.float32, .bool) : firstMismatch(operands, repeating: operands.first ?? .float32)
        case .unary(.negate), .unary(.absolute), .unary(.sign):
            return operands.first == .bool ? (.float32, .bool) : nil
        case .reduce(let kind, _, _):
            switch kind {
            case .l2, .logSum, .logSumExp: return firstMismatch(operands, repeating: .float32)
            case .sum, .mean, .maximum, .minimum, .product, .sumSquare, .l1:
                return operands.first == .bool ? (.float32, .bool) : nil
            }
        case .gather, .gatherElements, .gatherND:
            return indexMismatch(operands[1])
        case .scatterElements(let kind, _), .scatterND(let kind, _):
            if operands[0] == .bool, kind != .replace { return (.float32, .bool) }
            return indexMismatch(operands[1]) ?? firstMismatch(operands.suffix(1), repeating: operands[0])
        case .gatherGradient:
            return indexMismatch(operands[0]) ?? firstMismatch(operands.suffix(1), repeating: .float32)
        case .crossEntropy, .crossEntropyGradient:
            // The second operand holds the labels.
            return firstMismatch(operands.prefix(1), repeating: .float32)
                ?? firstMismatch(operands.dropFirst().prefix(1), repeating: .int64)
        case .matMul, .fusedMatMul, .attention, .attentionGradient, .convolution, .fusedConvolution, .predicate, .unary,
            .prelu, .chain,
            .batchNorm, .softmax, .logSoftmax, .norm, .maxPool, .averagePool, .resample, .distillation,
            .binaryCrossEntropy, .meanSquare, .unaryGradient, .binaryGradient,
            .preluGradient, .preluSlopeGradient, .softmaxGradient, .logSoftmaxGradient, .normGradient,
            .normFactorsGradient, .productGradient, .resampleGradient, .convolutionDataGradient,
            .convolutionWeightGradient, .maxPoolGradient, .averagePoolGradient, .padSlice, .padGradient,
            .distillationGradient, .binaryCrossEntropyGradient, .meanSquareGradient:
            return firstMismatch(operands, repeating: .float32)
        }
    }

    private func firstMismatch(
        _ operands: some Sequence<ElementType>, repeating expected: ElementType
    ) -> (expected: ElementType, found: ElementType)? {
        operands.first { $0 != expected }.map { (expected, $0) }
    }

    private func indexMismatch(_ found: ElementType) -> (expected: ElementType, found: ElementType)? {
        found == .int64 || found == .int32 ? nil : (.int64, found)
    }
}
