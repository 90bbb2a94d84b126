package import Model

/// A network on the way from the original to the smallest one: how small, and how far from the original.
package struct ParetoPoint: Sendable {
    package let graph: Graph
    /// The activations that are gone, by the names of their results.
    let collapsed: [String]
    package let parameters: Int
    /// On the samples that decide; nil without data.
    package var comparison: Comparison?
    package var metrics: Metrics?

    init(_ graph: Graph, collapsed: [String], heldOut: HeldOut?) throws(ModelError) {
        self.init(graph, collapsed: collapsed, try heldOut.map { held throws(ModelError) in try held.measured(graph) })
    }

    init(_ graph: Graph, collapsed: [String], _ result: (comparison: Comparison, metrics: Metrics?)?) {
        self.graph = graph
        self.collapsed = collapsed
        parameters = graph.parameterCount
        (comparison, metrics) = (result?.comparison, result?.metrics)
    }

    package var layers: Int { collapsed.count }
}
