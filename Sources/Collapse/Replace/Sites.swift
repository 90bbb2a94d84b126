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
        let consumers = graph.consumers()
        var own = Set(candidates.found.flatMap(\.uses).flatMap { $0.first.nodes + $0.second.nodes })
        let regions = Self.regions(in: graph, consumers, &own)
        let named = Set(regions.compactMap(\.region).flatMap(\.layers).map(\.scope))
        refusals = candidates.refusals.filter { !named.contains($0.name) }
        var found = candidates.found.map { Site($0) } + regions
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

    /// The gated blocks, and the regions around layers that are in no block.
    ///
    /// - Parameters:
    ///   - graph: the graph.
    ///   - consumers: the consumers of its values.
    ///   - own: the ops of layers that are in sites; receives those of the found ones.
    /// - Returns: their sites, gated blocks first.
    private static func regions(in graph: Graph, _ consumers: [[ValueID]], _ own: inout Set<ValueID>) -> [Site] {
        let layers = graph.values.compactMap { Linear($0, in: graph, consumers: consumers) }
        let byOutput = Dictionary(layers.map { ($0.output, $0) }) { first, _ in first }
        let byProduct = Dictionary(layers.map { ($0.nodes[0], $0) }) { first, _ in first }
        var found: [Site] = []
        func add(_ site: Site) {
            guard let region = site.region, own.isDisjoint(with: region.nodes) else { return }
            own.formUnion(region.nodes)
            found.append(site)
        }
        for layer in layers where !own.contains(layer.nodes[0]) {
            if let gated = GatedBlock(endingWith: layer, layers: byOutput, in: graph, consumers: consumers) {
                add(Site(gated, in: graph))
            }
        }
        for layer in layers where !own.contains(layer.nodes[0]) {
            // One layer that would be nearly as large is worth less than products of low rank for each layer inside.
            if let region = Region.ending(with: layer, layers: byProduct, in: graph, consumers: consumers),
                2 * region.out * (region.inFeatures + 1) <= region.parameterCount
            {
                add(Site(region, in: graph))
            }
        }
        return found
    }

    /// The site with an identity, if there is one.
    subscript(id: BlockID) -> Site? { found.first { $0.id == id } }
}
