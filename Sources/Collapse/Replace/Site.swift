import Compute
import Model

/// A place of a network that may be replaced by something smaller, as it lies in one graph.
package struct Site: Sendable, Identifiable {
    package enum Kind: Sendable {
        /// A block linear - activation - linear.
        case block(Candidate)
        /// A block of several layers before the last one, combined element by element.
        case gated(GatedBlock)
        /// A part between two layers, whatever is inside.
        case region(Region)
        /// A linear layer that is in no block.
        case layer(Linear)
        /// A table of embeddings.
        case table(EmbeddingTable)
    }

    package let id: BlockID
    package let kind: Kind
    /// The number of rows of one sample (tokens, pixels), of all uses of its weights.
    let rows: Int

    init(_ block: Candidate) {
        (id, kind) = (block.id, .block(block))
        rows = block.uses.reduce(0) { $0 + $1.rowsPerSample }
    }

    init(_ gated: GatedBlock, in graph: Graph) {
        (id, kind, rows) = (BlockID(gated.hiddenValue, in: graph), .gated(gated), gated.region.rows)
    }

    init(_ region: Region, in graph: Graph) {
        (id, kind, rows) = (BlockID(region.output, in: graph), .region(region), region.rows)
    }

    init(_ layer: Linear, in graph: Graph) {
        (id, kind) = (BlockID(layer.output, in: graph), .layer(layer))
        rows = max(1, graph.shape(layer.input).elementCount / max(1, layer.inFeatures) / graph.batchSize)
    }

    init(_ table: EmbeddingTable, in graph: Graph) {
        (id, kind) = (BlockID(table.output, in: graph), .table(table))
        rows = max(1, graph.shape(table.output).elementCount / max(1, table.features) / graph.batchSize)
    }

    /// The block with one activation; nil for anything else.
    var block: Candidate? { if case .block(let block) = kind { block } else { nil } }

    /// The part that is replaced as a whole; nil for a block with one activation, a layer or a table.
    package var region: Region? {
        switch kind {
        case .gated(let gated): gated.region
        case .region(let region): region
        case .block, .layer, .table: nil
        }
    }

    var isLoneLayer: Bool { if case .layer = kind { true } else { false } }

    var isTable: Bool { if case .table = kind { true } else { false } }

    /// The module path.
    package var name: String {
        switch kind {
        case .block(let block): block.name
        case .gated(let gated): gated.region.first.scope
        case .region(let region): region.first.scope
        case .layer(let layer): layer.scope
        case .table(let table): table.scope
        }
    }

    /// The modules, such as `Linear-GELU-Linear`.
    package var modules: String {
        switch kind {
        case .block(let block): block.kind + (block.twins.isEmpty ? "" : " (\(block.uses.count) uses)")
        case .gated(let gated): gated.region.kind
        case .region(let region): region.kind
        case .layer: "Linear"
        case .table: "Embedding"
        }
    }

    /// The features that it reads, the channels inside it that may be fewer, and the features that it computes. A layer and
    /// a region have no such channels; what a table reads are its entries.
    package var widths: (input: Int, hidden: Int, output: Int) {
        switch kind {
        case .block(let block): (block.inFeatures, block.hidden, block.out)
        case .gated(let gated): (gated.region.inFeatures, gated.hidden, gated.region.out)
        case .region(let region): (region.inFeatures, 0, region.out)
        case .layer(let layer): (layer.inFeatures, 0, layer.outFeatures)
        case .table(let table): (table.entries, 0, table.features)
        }
    }

    /// The first op.
    var start: ValueID {
        switch kind {
        case .block(let block): block.start
        case .gated(let gated): gated.region.nodes[0]
        case .region(let region): region.nodes[0]
        case .layer(let layer): layer.nodes[0]
        case .table(let table): table.output
        }
    }

    var output: ValueID {
        switch kind {
        case .block(let block): block.output
        case .gated(let gated): gated.region.output
        case .region(let region): region.output
        case .layer(let layer): layer.output
        case .table(let table): table.output
        }
    }
}

/// A table of embeddings `[entries, features]` in a graph, read at integer indices.
package struct EmbeddingTable: Sendable {
    /// The index of the table in ``Graph/parameters``.
    let weight: Int
    let indices: ValueID
    let output: ValueID
    let entries: Int
    let features: Int
    let scope: String

    /// Recognises the table that a value is read from; nil when it is no such value.
    init?(_ value: ValueID, in graph: Graph, consumers: [[ValueID]]) {
        guard case .gather(axis: 0) = graph[value].op, let weight = graph.parameterIndex(graph[value].operands[0]),
            case let tensor = graph.parameters[weight].tensor, tensor.type == .float32, tensor.shape.rank == 2,
            consumers[graph[value].operands[0].index].count == 1, !graph.isKnown(graph[value].operands[1]),
            graph.ownsNodes([value])
        else { return nil }
        (self.weight, indices, output) = (weight, graph[value].operands[1], value)
        (entries, features) = (tensor.shape[0], tensor.shape[1])
        scope = graph[value].scope.isEmpty ? graph[value].name : graph[value].scope
    }
}
