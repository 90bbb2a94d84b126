package import Model

/// Finds the sites of a graph.
package struct Sites: Sendable {
    /// The sites in graph order.
    package let found: [Site]
    /// The layers that begin no block, with the reasons.
    package let refusals: [Refusal]

    /// The least features that a layer or a table reads and computes to be worth a product of two.
    private static let leastFeatures = 16

    package init(in graph: Graph) {
        let candidates = Candidates(in: graph)
        refusals = candidates.refusals
        let consumers = graph.consumers()
        let own = Set(candidates.found.flatMap(\.uses).flatMap { $0.first.nodes + $0.second.nodes })
        var found = candidates.found.map { Site($0) }
        for value in graph.values where !own.contains(value) {
            if let layer = Linear(value, in: graph, consumers: consumers), !graph.parameters[layer.weight].isNew,
                min(layer.inFeatures, layer.outFeatures) >= Self.leastFeatures,
                let weight = graph.parameterValue(layer.weight), consumers[weight.index].count == 1,
                !own.contains(layer.output), graph.hasSamplesFirst(layer.input), graph.hasSamplesFirst(layer.output)
            {
                found.append(Site(layer, in: graph))
            } else if let table = EmbeddingTable(value, in: graph, consumers: consumers),
                !graph.parameters[table.weight].isNew, min(table.entries, table.features) >= Self.leastFeatures,
                graph.hasSamplesFirst(table.output)
            {
                found.append(Site(table, in: graph))
            }
        }
        self.found = found.sorted { $0.start < $1.start }
    }

    /// The site with an identity, if there is one.
    subscript(id: BlockID) -> Site? { found.first { $0.id == id } }
}
