import Compute
import Model

/// An affine map of the features of one value, made up op by op.
struct AffineMap {
    private enum Factor {
        /// A number for each feature.
        case each([Float])
        /// `[out, in]`
        case matrix(Tensor)
    }

    private var factor: Factor
    private var offset: [Float]

    /// The identity.
    init(features: Int) {
        factor = .each([Float](repeating: 1, count: features))
        offset = [Float](repeating: 0, count: features)
    }

    /// Applies a linear layer to the result.
    ///
    /// - Parameters:
    ///   - linear: the layer.
    ///   - bias: the index of its bias; nil if it has none, or if an op of its own follows with it.
    ///   - graph: a graph with the layer.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    mutating func apply(_ linear: Linear, bias: Int?, in graph: Graph) throws(ModelError) {
        let (weight, isOutByIn) = (linear.matrix(in: graph), linear.isOutByIn)
        var sums = try product(weight, isOutByIn, offset, out: linear.outFeatures)
        if let bias { sums = zip(sums, graph.parameters[bias].tensor.floats).map { $0 + $1 } }
        let (before, out) = (factor, linear.outFeatures)
        factor = try computing {
            switch before {
            case .each(let factors):
                // Each feature is a column of [out, in], a row of [in, out].
                let scale = try Tensor(factors, Shape(isOutByIn ? [1, factors.count] : [factors.count, 1]))
                let scaled = try Tensor(zeros: weight.shape)
                try Step.binary(.multiply, weight, scale, into: scaled).run()
                guard !isOutByIn else { return .matrix(scaled) }
                let result = try Tensor(zeros: Shape([out, factors.count]))
                try Step.transpose(scaled, permutation: [1, 0], into: result).run()
                return .matrix(result)
            case .matrix(let matrix):
                let result = try Tensor(zeros: Shape([out, matrix.shape[1]]))
                try Step.matMul(weight, transposed: !isOutByIn, matrix, transposed: false, bias: nil, into: result)
                    .run()
                return .matrix(result)
            }
        }
        offset = sums
    }

    /// Applies known numbers to each feature of the result.
    mutating func apply(_ affine: Affine, in graph: Graph) throws(ModelError) {
        let (scale, shift) = affine.numbers(in: graph)
        offset = offset.indices.map { offset[$0] * scale[$0] + shift[$0] }
        switch factor {
        case .each(let factors): factor = .each(zip(factors, scale).map { $0 * $1 })
        case .matrix(let matrix):
            factor = try computing {
                let result = try Tensor(zeros: matrix.shape)
                try Step.binary(.multiply, matrix, Tensor(scale, Shape([scale.count, 1])), into: result).run()
                return .matrix(result)
            }
        }
    }

    /// Adds another map of the same value to this one, or subtracts it.
    mutating func combine(_ kind: BinaryKind, _ other: AffineMap) throws(ModelError) {
        let (left, right) = (matrix(), other.matrix())
        offset = zip(offset, other.offset).map { kind == .add ? $0 + $1 : $0 - $1 }
        factor = try computing {
            let result = try Tensor(zeros: left.shape)
            try Step.binary(kind, left, right, into: result).run()
            return .matrix(result)
        }
    }

    /// The factor, `[out, in]`; a layer must have been applied.
    func matrix() -> Tensor {
        guard case .matrix(let matrix) = factor else { preconditionFailure("a layer has been applied") }
        return matrix
    }

    /// True unless a number of it is infinite or none.
    var isFinite: Bool { offset.allSatisfy(\.isFinite) && matrix().isFinite() }

    /// The offset, `[out]`.
    func column() throws(ModelError) -> Tensor { try computing { try Tensor(offset, Shape([offset.count])) } }

    /// The product of a weight with a vector.
    private func product(
        _ weight: Tensor, _ isOutByIn: Bool, _ vector: [Float], out: Int
    ) throws(ModelError) -> [Float] {
        try computing {
            let result = try Tensor(zeros: Shape([out, 1]))
            let column = try Tensor(vector, Shape([vector.count, 1]))
            try Step.matMul(weight, transposed: !isOutByIn, column, transposed: false, bias: nil, into: result).run()
            return result.floats
        }
    }
}
