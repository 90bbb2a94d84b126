package import Model

/// A network between the original and the smallest one, with its size and its distance from the original.
package struct ParetoPoint: Sendable {
    package let graph: Graph
    /// The removed activations, by the names of their results.
    let collapsed: [String]
    package let parameters: Int
    /// The comparison on the deciding samples; nil without data.
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
