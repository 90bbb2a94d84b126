package import Model

/// A network between the original and the smallest one, with its size and its distance from the original.
package struct ParetoPoint: Sendable {
    package let graph: Graph
    /// The replaced blocks.
    let collapsed: [BlockID]
    package let parameters: Int
    /// The comparison on the deciding samples; nil without data.
    package var comparison: Comparison?
    /// The comparisons of the other outputs.
    package var others: [Comparison] = []
    package var metrics: Metrics?

    init(_ graph: Graph, collapsed: [BlockID], heldOut: HeldOut?) throws(ModelError) {
        self.init(graph, collapsed: collapsed, try heldOut.map { held throws(ModelError) in try held.measured(graph) })
    }

    init(_ graph: Graph, collapsed: [BlockID], _ result: HeldOut.Measurement?) {
        (self.graph, self.collapsed) = (graph, collapsed)
        parameters = graph.parameterCount
        (comparison, others, metrics) = (result?.comparison, result?.others ?? [], result?.metrics)
    }

    /// The comparisons of all outputs.
    package var comparisons: [Comparison] { (comparison.map { [$0] } ?? []) + others }

    package var layers: Int { collapsed.count }
}
