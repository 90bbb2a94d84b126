import Model

/// The outcome of one candidate, for the report.
package struct LayerOutcome: Sendable {
    /// The module path of its first layer.
    package let name: String
    /// The modules of the block, such as `Linear-ReLU-Linear`.
    package let kind: String
    package let inFeatures: Int
    package let hidden: Int
    package let out: Int
    package let parametersBefore: Int
    package var parametersAfter: Int
    /// Multiply-adds per sample.
    package let macsBefore: Int
    package var macsAfter: Int
    /// The slope of the activation, if one was found or trained.
    package var slope: Double?
    /// The share of the variance of the block's output that the map explains, and the mean square error of the block
    /// alone, on held-out samples.
    package var r2: Double?
    package var meanSquareError: Double?
    /// The mean square error of the merge, `(1 - a)^2 E|W2 D relu(-z)|^2` per output.
    package var bound: Double?
    /// The divergence of the network's outputs when this block alone is replaced: KL, or the mean square error.
    package var divergence: Double?
    /// The replacement in the chosen network.
    package var choice: Choice?
    /// The replacements that were tried, the largest first, each with the damage that it does alone.
    package var alone: [(choice: Choice, damage: Double)] = []
    package var isCollapsed = false
    /// The reason why the candidate was not collapsed.
    package var reason: String?

    let block: BlockID
    private var isTable = false

    init(_ candidate: Candidate, in graph: Graph) {
        let profit = Profit(candidate, in: graph)
        name = candidate.name
        kind = candidate.kind + (candidate.twins.isEmpty ? "" : " (\(candidate.uses.count) uses)")
        inFeatures = candidate.inFeatures
        hidden = candidate.hidden
        out = candidate.out
        parametersBefore = profit.parametersBefore
        parametersAfter = profit.parametersAfter
        (macsBefore, macsAfter) = (profit.macsBefore, profit.macsAfter)
        block = candidate.id
    }

    /// The outcome of a site, with the smallest of its replacements.
    init(_ site: Site, in graph: Graph, smallest: Choice) {
        (name, kind) = (site.name, site.modules)
        (inFeatures, hidden, out) = site.widths
        let (before, after) = (site.size(in: graph), site.size(of: smallest, in: graph))
        (parametersBefore, parametersAfter) = (before.parameters, after.parameters)
        (macsBefore, macsAfter) = (before.macs, after.macs)
        block = site.id
        isTable = site.isTable
    }

    /// The outcome of an exact block, which is always replaced.
    init(_ exact: ExactBlock) {
        (name, kind) = (exact.name, exact.kind)
        (inFeatures, hidden, out) = (exact.inFeatures, exact.hidden, exact.out)
        (parametersBefore, parametersAfter) = (exact.profit.parametersBefore, exact.profit.parametersAfter)
        (macsBefore, macsAfter) = (exact.profit.macsBefore, exact.profit.macsAfter)
        block = BlockID("exact " + exact.name)
        isCollapsed = true
    }

    /// The family of a replacement here, as the option `replacements` names it.
    package func family(of choice: Choice) -> String { choice.family(ofTable: isTable) }

    var saving: Int { parametersBefore - parametersAfter }

    /// The reason why a site stays as it is although there are replacements for it.
    var reasonToStay: String {
        guard let mildest = alone.min(by: { $0.damage < $1.damage }) else { return "the budget is reached without it" }
        return "the budget is spent better elsewhere: alone, \(mildest.choice.words) does a damage of "
            + "\(rounded(mildest.damage))"
    }
}

extension [LayerOutcome] {
    /// The index of a block.
    func place(of block: BlockID) -> Int? { firstIndex { $0.block == block } }

    /// The replacements that a point has, in the order of the outcomes.
    package func replacements(in point: ParetoPoint) -> [(layer: LayerOutcome, choice: Choice)] {
        compactMap { layer in point.plan[layer.block].map { (layer, $0) } }
    }

    /// True for a block that nothing speaks against yet.
    func isOpen(_ block: BlockID) -> Bool { contains { $0.block == block && $0.reason == nil } }
}
