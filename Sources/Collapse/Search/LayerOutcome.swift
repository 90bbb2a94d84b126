import Model

/// What became of one candidate, for the report.
package struct LayerOutcome: Sendable, Equatable {
    /// The module path of its first layer.
    package let name: String
    /// `Linear-ReLU-Linear`
    package let kind: String
    package let inFeatures: Int
    package let hidden: Int
    package let out: Int
    package let parametersBefore: Int
    package let parametersAfter: Int
    /// Of the activation, where one was found or trained.
    package var slope: Double?
    /// On held-out samples: the share of the block's output that the map explains, and the mean square error of the block
    /// alone.
    package var r2: Double?
    package var meanSquareError: Double?
    /// `(1 - a)^2 E|W2 D relu(-z)|^2` per output: what the merge costs in the mean square.
    package var bound: Double?
    /// How far the network's outputs move when this block alone is replaced: KL, or the mean square error.
    package var divergence: Double?
    package var isCollapsed = false
    /// Why not.
    package var reason: String?

    /// The name of the activation's result, by which the candidate is found again in a rewritten graph.
    let activation: String

    init(_ candidate: Candidate, in graph: Graph) {
        let profit = Profit(candidate, in: graph)
        name = candidate.name
        kind = candidate.kind
        inFeatures = candidate.inFeatures
        hidden = candidate.hidden
        out = candidate.out
        parametersBefore = profit.parametersBefore
        parametersAfter = profit.parametersAfter
        activation = graph[candidate.activationValue].name
    }

    var saving: Int { parametersBefore - parametersAfter }
}

extension [LayerOutcome] {
    /// The place of a candidate that was named by its activation.
    func place(of activation: String) -> Int? { firstIndex { $0.activation == activation } }
}
