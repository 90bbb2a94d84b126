import Compute
package import Model

/// The parameters and multiply-adds that replacing a candidate saves.
///
/// - SeeAlso: arXiv:2311.17943
package struct Profit: Sendable, Equatable {
    package let parametersBefore: Int
    package let parametersAfter: Int
    /// Multiply-adds per sample.
    package let macsBefore: Int
    package let macsAfter: Int

    package var saving: Int { parametersBefore - parametersAfter }
    package var isProfitable: Bool { parametersAfter < parametersBefore && macsAfter < macsBefore }
}

extension Profit {
    /// The savings of one layer in the place of a site.
    package init(_ site: Site, in graph: Graph) {
        let (before, after) = (site.size(in: graph), site.size(of: .affine, in: graph))
        self.init(
            parametersBefore: before.parameters, parametersAfter: after.parameters, macsBefore: before.macs,
            macsAfter: after.macs)
    }

    package init(_ candidate: Candidate, in graph: Graph) {
        let removed = Set(candidate.nodes)
        let affines = candidate.affines.filter { removed.contains($0.value) }
            .reduce(0) { $0 + $1.parameterCount(in: graph) }
        var slopes = 0
        if case .prelu(let slope) = candidate.activation, removed.contains(candidate.activationValue) {
            slopes = graph.parameters[slope].tensor.shape.elementCount
        }
        let first = candidate.isShared ? 0 : candidate.first.parameterCount
        parametersBefore = first + candidate.second.parameterCount + affines + slopes
        parametersAfter = candidate.out * (candidate.inFeatures + 1)
        let (d, h, o) = (candidate.inFeatures, candidate.hidden, candidate.out)
        let rows = candidate.uses.reduce(0) { $0 + $1.rowsPerSample }
        macsBefore = rows * h * (candidate.isShared ? o : d + o)
        macsAfter = rows * o * d
    }
}

extension Graph {
    /// The multiply-adds of one sample in products and convolutions.
    package var macs: Int {
        let batch = batchSize
        var total = 0
        for node in nodes {
            switch node.op {
            case .matMul(let transposeLeft, _):
                let left = shape(node.operands[0])
                total += node.type.shape.elementCount * left[left.rank - (transposeLeft ? 2 : 1)]
            case .convolution:
                let weight = shape(node.operands[1])
                total += node.type.shape.elementCount * (weight.elementCount / max(1, weight[0]))
            default: break
            }
        }
        return total / batch
    }
}
