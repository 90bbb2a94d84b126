import Compute
package import Model

/// The exact merge of a candidate whose activation is the identity.
///
/// `y = W2 (D (W1 x + b1) + e) + b2` with the BatchNorms and constants in between as `D`, `e`; so `W = W2 D W1` and
/// `b = W2 (D b1 + e) + b2`.
package struct MergeLinear {
    private let graph: Graph

    package init(in graph: Graph) { self.graph = graph }

    /// Merges a candidate.
    ///
    /// - Parameter candidate: a candidate of the graph.
    /// - Returns: the replacement of the block by one linear layer.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package func rewrite(_ candidate: Candidate) throws(ModelError) -> Rewrite {
        let (d, h, o) = (candidate.inFeatures, candidate.hidden, candidate.out)
        var (scale, shift) = ([Float](repeating: 1, count: h), [Float](repeating: 0, count: h))
        if let bias = candidate.first.bias { shift = graph.parameters[bias].tensor.floats }
        for affine in candidate.affines {
            let (factor, offset) = affine.numbers(in: graph)
            for index in 0..<h {
                scale[index] *= factor[index]
                shift[index] = shift[index] * factor[index] + offset[index]
            }
        }
        let weight = try tensor([o, d])
        let bias = try tensor([o])
        try computing {
            let first = candidate.first.matrix(in: graph)
            let second = candidate.second.matrix(in: graph)
            let isOutByIn = candidate.second.isOutByIn
            // W2 D: each hidden feature is a column of [out, in], a row of [in, out].
            let factors = try Tensor(scale, Shape(isOutByIn ? [1, h] : [h, 1]))
            let scaled = try Tensor(zeros: second.shape)
            try Step.binary(.multiply, second, factors, into: scaled).run()
            try Step.matMul(
                scaled, transposed: !isOutByIn, first, transposed: !candidate.first.isOutByIn, bias: nil, into: weight
            ).run()
            let column = try Tensor(shift, Shape([h, 1]))
            let product = bias.reshaped(try Shape([o, 1]))
            try Step.matMul(second, transposed: !isOutByIn, column, transposed: false, bias: nil, into: product).run()
            if let last = candidate.second.bias {
                try Step.accumulate(graph.parameters[last].tensor.reshaped(bias.shape), into: bias).run()
            }
        }
        return candidate.rewrite(weight: weight, bias: bias)
    }

    private func tensor(_ sizes: [Int]) throws(ModelError) -> Tensor {
        try computing { try Tensor(zeros: Shape(sizes)) }
    }
}
