import Compute
import Model

/// A part of a network with one entry and one exit, whatever is inside: one linear layer may take its place.
package struct Region: Sendable {
    let input: ValueID
    let output: ValueID
    /// The ops to replace, in evaluation order.
    let nodes: [ValueID]
    /// The first layer, whose module names the region.
    let first: Linear
    /// The layer that ends it.
    let last: Linear
    /// All layers inside, in evaluation order.
    let layers: [Linear]
    /// The modules inside, such as `Linear-LayerNorm-ReLU-Linear`.
    let kind: String
    let parameterCount: Int
    /// Multiply-adds of all layers inside, per row of the entry.
    let macs: Int
    /// The number of rows of one sample (tokens, pixels).
    let rows: Int

    var inFeatures: Int { first.inFeatures }
    var out: Int { last.outFeatures }

    /// Makes a region of some ops; nil where something else reads a value inside, computes with a weight or shares a node of
    /// the file, or where entry and exit do not have the same rows.
    ///
    /// - Parameters:
    ///   - nodes: the ops, in evaluation order.
    ///   - layers: the layers among them, the last one last.
    ///   - graph: a graph with them.
    ///   - consumers: the consumers of its values.
    init?(_ nodes: [ValueID], layers: [Linear], in graph: Graph, consumers: [[ValueID]]) {
        guard layers.count > 1, let first = layers.first, let last = layers.last else { return nil }
        let own = Set(nodes)
        (self.nodes, self.first, self.last, input, output) = (nodes, first, last, first.input, last.output)
        let isClosed = nodes.allSatisfy { node in
            node == last.output || !graph.isOutput(node) && consumers[node.index].allSatisfy(own.contains)
        }
        let weights = Set(
            nodes.flatMap { graph[$0].operands }.filter { graph.parameterIndex($0) != nil })
        guard isClosed, graph.ownsNodes(nodes),
            weights.allSatisfy({ consumers[$0.index].allSatisfy(own.contains) && !graph.isOutput($0) }),
            !weights.contains(where: { graph.parameterIndex($0).map { graph.parameters[$0].isNew } ?? false }),
            graph.hasSamplesFirst(input), graph.hasSamplesFirst(output)
        else { return nil }
        let (shape, result) = (graph.shape(input), graph.shape(output))
        guard shape.rank == result.rank, first.axis == last.axis,
            first.axis.rows(of: shape) == last.axis.rows(of: result)
        else { return nil }
        self.layers = layers
        parameterCount = weights.reduce(0) { $0 + graph.shape($1).elementCount }
        macs = layers.reduce(0) { $0 + $1.inFeatures * $1.outFeatures }
        rows = max(1, shape.elementCount / max(1, first.inFeatures) / graph.batchSize)
        kind = Self.words(of: nodes, layers, in: graph)
    }

    /// The modules of some ops, each layer and each activation once.
    private static func words(of nodes: [ValueID], _ layers: [Linear], in graph: Graph) -> String {
        let products = Set(layers.map { $0.nodes[0] })
        var words: [String] = []
        for node in nodes {
            switch graph[node].op {
            case _ where products.contains(node): words.append("Linear")
            case .unary(let kind): words.append(Activation.unary(kind).name)
            case .prelu: words.append("PReLU")
            case .norm: words.append("LayerNorm")
            case .batchNorm: words.append("BatchNorm")
            case .softmax: words.append("Softmax")
            case .binary(.multiply) where graph[node].operands.allSatisfy({ !graph.isKnown($0) }): words.append("Mul")
            default: continue
            }
        }
        return words.joined(separator: "-")
    }
}

extension Region {
    /// The layer that may take its place, with zeros.
    ///
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func placeholder() throws(ModelError) -> Rewrite {
        try computing {
            let layer = last.axis.layer(
                reading: input, weight: try Tensor(zeros: Shape([out, inFeatures])),
                bias: try Tensor(zeros: Shape([out])))
            return Rewrite(removed: nodes, output: output, replacement: layer, scope: first.scope)
        }
    }

    /// Finds the smallest region that ends with a layer and begins with another one.
    ///
    /// - Parameters:
    ///   - last: the layer that ends it.
    ///   - layers: the layers of the graph, by the product that each computes.
    ///   - graph: a graph with them.
    ///   - consumers: the consumers of its values.
    /// - Returns: nil where there is none of up to ``mostNodes`` ops.
    static func ending(
        with last: Linear, layers: [ValueID: Linear], in graph: Graph, consumers: [[ValueID]]
    ) -> Region? {
        // From the back: the open values are those that what is inside reads. One that is left is the entry.
        var inside = Set(last.nodes)
        var open: Set<ValueID> = [last.input]
        while inside.count <= mostNodes, let latest = open.max() {
            if open.count == 1, latest != last.input {
                let own = inside.sorted()
                let found = own.compactMap { layers[$0] }
                if found.first?.input == latest, found.count > 1, isNonlinear(own, in: graph) {
                    return Region(own, layers: found, in: graph, consumers: consumers)
                }
            }
            guard isComputed(latest, in: graph) else { return nil }
            open.remove(latest)
            inside.insert(latest)
            open.formUnion(graph[latest].operands.filter { !graph.isKnown($0) })
        }
        return nil
    }

    /// The most ops of a region.
    private static let mostNodes = 64

    /// True for an op that may lie inside: no input of the network, and no product of two computed values, whose sites are
    /// the layers around it, nor a convolution over several pixels.
    private static func isComputed(_ value: ValueID, in graph: Graph) -> Bool {
        let node = graph[value]
        guard !node.operands.isEmpty, node.type.element == .float32 else { return false }
        switch node.op {
        case .matMul: return node.operands.dropFirst().allSatisfy(graph.isKnown)
        case .convolution(let window, groups: 1): return window.isPointwise
        case .convolution, .maxPool, .averagePool, .attention: return false
        default: return true
        }
    }

    private static func isNonlinear(_ nodes: [ValueID], in graph: Graph) -> Bool {
        nodes.contains { node in
            switch graph[node].op {
            case .unary, .prelu, .norm, .softmax: true
            case .binary(let kind):
                (kind == .multiply || kind == .divide) && graph[node].operands.allSatisfy { !graph.isKnown($0) }
            default: false
            }
        }
    }
}
