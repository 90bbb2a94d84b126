import Compute
import Model

extension Graph {
    /// The name of an op in a sentence such as "a softmax stands between the layers".
    ///
    /// - Parameters:
    ///   - value: the op's result.
    ///   - operand: the operand from which the sentence comes.
    /// - Returns: the name with its article.
    func words(for value: ValueID, reading operand: ValueID) -> String {
        let isWithKnown = self[value].operands.contains { $0 != operand && isKnown($0) }
        switch self[value].op {
        case .binary(let kind): return words(for: kind, isWithKnown: isWithKnown)
        case .matMul, .fusedMatMul, .attention:
            return isWithKnown
                ? "a product with more than a weight" : "a product of two computed values, as in attention"
        case .convolution(let window, let groups):
            if window.kernel.contains(where: { $0 > 1 }) { return "a convolution over positions" }
            return groups > 1 ? "a convolution in groups" : "a convolution that leaves out or adds positions"
        case .fusedConvolution: return "a convolution over positions"
        case .convolutionDataGradient: return "a transposed convolution"
        case .unary, .prelu, .chain: return "an activation"
        case .batchNorm: return "a BatchNorm over another axis"
        case .softmax, .logSoftmax: return "a softmax"
        case .norm: return "a normalisation"
        case .reduce(.mean, _, _): return "a mean"
        case .reduce: return "a reduction"
        case .extreme: return "the place of an extreme"
        case .cumulativeSum: return "a cumulative sum"
        case .maxPool, .averagePool: return "a pooling of positions"
        case .resample: return "a change of resolution"
        case .compare, .logical, .predicate: return "a comparison"
        case .select: return "a choice by a condition"
        case .cast: return "a cast"
        case .reshape: return "a reshape that takes its features apart"
        case .transpose: return "a transpose"
        case .concat: return "a concatenation"
        case .slice: return "a slice"
        case .broadcast: return "a repetition"
        case .pad: return "a padding"
        case .triangle: return "a triangle of a matrix"
        case .gather, .gatherElements, .gatherND: return "a choice by indices"
        case .scatterElements, .scatterND: return "a change at indices"
        default: return "an operation that is no activation"
        }
    }

    private func words(for kind: BinaryKind, isWithKnown: Bool) -> String {
        let other = isWithKnown ? "constants" : "another value"
        return switch kind {
        case .add, .subtract: "a sum with \(other)"
        case .multiply: isWithKnown ? "a product with constants" : "a product with another value"
        case .divide: "a quotient with \(other)"
        case .power: "a power"
        case .minimum, .maximum: "a \(kind.rawValue) with \(other)"
        case .modulo, .remainder: "a remainder"
        }
    }
}
