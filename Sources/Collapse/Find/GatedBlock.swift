import Compute
import Model

/// A block whose last layer reads channels that are computed element by element from several layers of one input, such
/// as the gated units of SwiGLU and GEGLU: `W3 (s(W1 x) * (W2 x))`.
package struct GatedBlock: Sendable {
    /// A layer, or the part of one, with a feature for each channel.
    struct Source {
        let layer: Linear
        /// The place of the first channel among the layer's features.
        let start: Int
        /// The features: the layer's output, or a slice of it.
        let value: ValueID
    }

    /// The block as a whole.
    let region: Region
    /// In evaluation order of their features.
    let sources: [Source]
    /// The channels, which the last layer reads.
    let hiddenValue: ValueID

    var hidden: Int { region.last.inFeatures }

    /// Recognises the block that ends with a layer.
    ///
    /// - Parameters:
    ///   - last: the layer.
    ///   - layers: the layers of the graph, by the value that each computes.
    ///   - graph: a graph with them.
    ///   - consumers: the consumers of its values.
    init?(endingWith last: Linear, layers: [ValueID: Linear], in graph: Graph, consumers: [[ValueID]]) {
        hiddenValue = last.input
        let shape = graph.shape(hiddenValue)
        let (place, hidden) = (last.axis.place(rank: shape.rank), last.inFeatures)
        var (elements, sources): (Set<ValueID>, [ValueID: Source]) = ([], [:])
        var slices: Set<ValueID> = []
        var open = [hiddenValue]
        while let value = open.popLast() {
            guard !elements.contains(value), sources[value] == nil else { continue }
            guard graph.shape(value) == shape, elements.count < Self.mostElements else { return nil }
            if let layer = layers[value], value != hiddenValue {
                sources[value] = Source(layer: layer, start: 0, value: value)
            } else if case .slice(let axis, let start, hidden, 1) = graph[value].op, axis == place,
                let layer = layers[graph[value].operands[0]]
            {
                sources[value] = Source(layer: layer, start: start, value: value)
                slices.insert(value)
            } else if let operands = Self.elements(of: value, in: graph) {
                elements.insert(value)
                open += operands
            } else {
                return nil
            }
        }
        self.sources = sources.values.sorted { $0.value < $1.value }
        guard hidden > 1, let input = self.sources.first?.layer.input,
            self.sources.allSatisfy({ $0.layer.input == input && $0.layer.axis == last.axis }),
            self.sources.allSatisfy({ !graph[$0.value].name.isEmpty }), !graph[hiddenValue].name.isEmpty,
            graph.ownsNodes(elements.sorted()), graph.ownsNodes(last.nodes)
        else { return nil }
        var first: [Linear] = []
        for source in self.sources where !first.contains(where: { $0.output == source.layer.output }) {
            first.append(source.layer)
        }
        let nodes = elements.union(slices).union((first + [last]).flatMap(\.nodes)).sorted()
        guard let region = Region(nodes, layers: first + [last], in: graph, consumers: consumers) else { return nil }
        self.region = region
    }

    /// The most elementwise ops between the layers.
    private static let mostElements = 32

    /// The computed operands of an op that works on each element alone and with no number for a channel; nil for others.
    private static func elements(of value: ValueID, in graph: Graph) -> [ValueID]? {
        let node = graph[value]
        let computed = node.operands.filter { !graph.isKnown($0) }
        let known = node.operands.filter { graph.isKnown($0) }
        guard node.type.element == .float32, known.allSatisfy({ graph.shape($0).elementCount == 1 }) else { return nil }
        switch node.op {
        case .unary, .prelu, .binary: return computed
        default: return nil
        }
    }

    /// Rebuilds the block with some of the channels.
    ///
    /// - Parameters:
    ///   - channels: the kept channels, ascending.
    ///   - last: the layer that reads them, `[out, channels]`.
    ///   - path: the layers from the input to the output beside the channels, first to last; empty for none.
    ///   - graph: the graph of the block.
    /// - Returns: the rewrites, one for each source and one for the last layer.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func narrowed(
        to channels: [Int], last: Rewrite.NewLayer, path: [Rewrite.NewLayer], in graph: Graph
    ) throws(ModelError) -> [Rewrite] {
        var (rewrites, gone): ([Rewrite], Set<ValueID>) = ([], [])
        for (index, source) in sources.enumerated() {
            let layer = source.layer
            var map = AffineMap(features: layer.inFeatures)
            try map.apply(layer, bias: layer.bias, in: graph)
            let kept = try map.rows(channels.map { $0 + source.start })
            let isSlice = source.value != layer.output
            let new = Rewrite.NewLayer(
                weight: kept.weight, bias: layer.bias == nil ? nil : kept.bias, module: isSlice ? "part\(index)" : "")
            // The first part of a layer takes the layer with it.
            let own = (layer.nodes + (isSlice ? [source.value] : [])).filter { gone.insert($0).inserted }
            rewrites.append(
                Rewrite(
                    removed: own, output: source.value, replacement: layer.axis.layer(over: .value(layer.input), new),
                    scope: layer.scope, isResizing: true))
        }
        let (end, axis) = (region.last, region.last.axis)
        var sum = axis.layer(over: .value(hiddenValue), last)
        if !path.isEmpty {
            sum = .sum(sum, path.reduce(Rewrite.Replacement.value(region.input)) { axis.layer(over: $0, $1) })
        }
        rewrites.append(Rewrite(removed: end.nodes, output: end.output, replacement: sum, scope: end.scope))
        return rewrites
    }
}

extension AffineMap {
    /// The map to some of its features.
    ///
    /// - Returns: `[channels, in]` and `[channels]`.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func rows(_ channels: [Int]) throws(ModelError) -> (weight: Tensor, bias: Tensor) {
        let (matrix, column) = (matrix(), try column())
        return try computing {
            let weight = try Tensor(zeros: Shape([channels.count, matrix.shape[1]]))
            let bias = try Tensor(zeros: Shape([channels.count]))
            copyRows(from: matrix, rows: channels, into: weight)
            copyRows(
                from: column.reshaped(try Shape([column.shape[0], 1])), rows: channels,
                into: bias.reshaped(try Shape([channels.count, 1])))
            return (weight, bias)
        }
    }
}
