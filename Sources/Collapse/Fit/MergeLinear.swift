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
    /// - Returns: the replacement of each use of the block by one linear layer.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package func rewrites(_ candidate: Candidate) throws(ModelError) -> [Rewrite] {
        var map = AffineMap(features: candidate.inFeatures)
        try map.apply(candidate.first, bias: candidate.first.bias, in: graph)
        for affine in candidate.affines { try map.apply(affine, in: graph) }
        try map.apply(candidate.second, bias: candidate.second.bias, in: graph)
        return candidate.rewrites(weight: map.matrix(), bias: try map.column())
    }
}
