package import Model

/// A network between the original and the smallest one, with its size and its distance from the original.
package struct ParetoPoint: Sendable {
    package let graph: Graph
    /// The replacement of each site that has one.
    package let plan: SitePlan
    /// The replaced sites in the order of their replacement, the last one first to be given up.
    let collapsed: [BlockID]
    package let parameters: Int
    /// The damage that the sites' damages add up to; nil unless they were measured alone.
    package var predictedDamage: Double?
    /// The median time of a run in nanoseconds, in the product's own runtime; nil where it was not measured.
    package var nanoseconds: Int?
    /// The comparison on the deciding samples; nil without data.
    package var comparison: Comparison?
    /// The comparisons of the other outputs.
    package var others: [Comparison] = []
    package var metrics: Metrics?
    /// The blocks whose slopes were trained for the point, with their slopes and the reasons against those that did not
    /// reach 1; empty for other methods.
    var trained: [LayerOutcome] = []

    init(_ graph: Graph, collapsed: [BlockID], heldOut: HeldOut?) throws(ModelError) {
        self.init(graph, collapsed: collapsed, try heldOut.map { held throws(ModelError) in try held.measured(graph) })
    }

    init(_ graph: Graph, collapsed: [BlockID], _ result: HeldOut.Measurement?) {
        let plan = Dictionary(collapsed.map { ($0, Choice.affine) }) { first, _ in first }
        self.init(graph, plan: plan, collapsed: collapsed, result)
    }

    init(_ graph: Graph, plan: SitePlan, collapsed: [BlockID] = [], _ result: HeldOut.Measurement?) {
        (self.graph, self.plan, self.collapsed) = (graph, plan, collapsed)
        parameters = graph.parameterCount
        (comparison, others, metrics) = (result?.comparison, result?.others ?? [], result?.metrics)
    }

    /// The same replacements in a trained network.
    func trained(_ graph: Graph, _ result: HeldOut.Measurement) -> ParetoPoint {
        var point = ParetoPoint(graph, plan: plan, collapsed: collapsed, result)
        (point.predictedDamage, point.nanoseconds) = (predictedDamage, nanoseconds)
        return point
    }

    /// The same network with the measures of the file that it is written as.
    func measured(_ result: HeldOut.Measurement) -> ParetoPoint { trained(graph, result) }

    /// The comparisons of all outputs.
    package var comparisons: [Comparison] { (comparison.map { [$0] } ?? []) + others }

    /// The damage of the output that suffers most; nil without data.
    package var damage: Double? { comparisons.map(\.damage).max() }

    package var layers: Int { plan.count }
}
