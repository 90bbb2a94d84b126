import Compute
import Model

/// Follows the values from a linear layer to the next one.
struct BlockSearch {
    /// The block that begins with the layer, or the reason why none does.
    enum End {
        case candidate(Candidate)
        case refused(String)
    }

    private let first: Linear
    private let graph: Graph
    private let consumers: [[ValueID]]
    /// For each value, whether a linear layer follows.
    private let leadsToLayer: [Bool]

    private var nodes: [ValueID]
    private var layout: HiddenLayout
    private var batchNorms: [ValueID] = []
    private var activation: (kind: Activation, value: ValueID, input: ValueID)?
    private var words = ["Linear"]

    init(from first: Linear, in graph: Graph, _ consumers: [[ValueID]], _ leadsToLayer: [Bool]) {
        (self.first, self.graph, self.consumers, self.leadsToLayer) = (first, graph, consumers, leadsToLayer)
        nodes = first.nodes
        layout = HiddenLayout(axis: first.axis.place(rank: graph.shape(first.output).rank))
    }

    mutating func run() -> End {
        var value = first.output
        while true {
            if let reason = reasonAgainstReaders(of: value) { return .refused(reason) }
            let next = consumers[value.index][0]
            if let second = Linear(next, in: graph, consumers: consumers), second.input == value {
                return end(second, reading: value)
            }
            if let reason = pass(next, reading: value) { return .refused(reason) }
            nodes.append(next)
            value = next
        }
    }

    /// The reason why not one op alone reads a value.
    private func reasonAgainstReaders(of value: ValueID) -> String? {
        let readers = consumers[value.index]
        if graph.isOutput(value) {
            guard leadsToLayer[value.index] else { return "it is the last layer: its result is an output" }
            return activation == nil ? "its result is also an output" : "the hidden value is also an output"
        }
        guard !readers.isEmpty else { return "nothing reads its result" }
        if let norm = readers.first(where: { graph.normalizes($0, over: layout.axis) }) {
            return activation == nil ? obstacle(norm, value) : GatingAnalysis.normalized
        }
        guard readers.count > 1 else { return nil }
        let interplay = GatingAnalysis(graph: graph, axis: layout.axis, isActivated: activation != nil)
        if let reason = interplay.reason(for: value) { return reason }
        return activation == nil && !readers.contains { graph[$0].op.isActivation }
            ? "several operations read its result" : "the hidden value has another consumer"
    }

    /// Passes an op between the layers.
    ///
    /// - Returns: the reason why it may not stand there.
    private mutating func pass(_ next: ValueID, reading value: ValueID) -> String? {
        if activation != nil, let other = graph[next].otherFactor(than: value) {
            return graph.isKnown(other) ? "a scale stands between the layers" : GatingAnalysis.gated
        }
        guard graph[next].operands.first == value else { return obstacle(next, value) }
        switch graph[next].op {
        case .unary(let kind):
            guard activation == nil else { return "two activations stand between the layers" }
            activation = (.unary(kind), next, value)
            words.append(Activation.unary(kind).name)
        case .prelu:
            guard activation == nil else { return "two activations stand between the layers" }
            guard let slope = graph.parameterIndex(graph[next].operands[1]) else {
                return "the slope of the PReLU is not a parameter"
            }
            activation = (.prelu(slope: slope), next, value)
            words.append("PReLU")
        case .batchNorm where layout.axis == 1:
            guard graph[next].operands.dropFirst().allSatisfy({ graph.parameterIndex($0) != nil }) else {
                return "the statistics of the BatchNorm are not parameters"
            }
            batchNorms.append(next)
            words.append("BatchNorm")
        case .binary(.multiply) where activation != nil:
            // Multiplied by itself: a square.
            return "two activations stand between the layers"
        case .reshape:
            guard layout.reshape(from: graph.shape(value), to: graph.shape(next)) else { return obstacle(next, value) }
        case .transpose(let permutation):
            layout.transpose(permutation)
        case .matMul, .convolution:
            return activation.flatMap { _ in graph.whyNoLayer(next, axis: layout.axis) } ?? obstacle(next, value)
        default:
            return obstacle(next, value)
        }
        return nil
    }

    /// The reason that an op gives which no block has between its layers.
    private func obstacle(_ next: ValueID, _ value: ValueID) -> String {
        let words = graph.words(for: next, reading: value)
        return leadsToLayer[next.index]
            ? "\(words) stands between it and the next linear layer"
            : "it is the last linear layer: \(words) follows"
    }

    private func end(_ second: Linear, reading value: ValueID) -> End {
        guard second.axis.place(rank: graph.shape(value).rank) == layout.axis else {
            return .refused("the next linear layer, '\(second.scope)', reads another axis")
        }
        guard let activation else {
            return .refused("no activation stands between it and '\(second.scope)': they merge without loss")
        }
        guard layout.isInOrder else { return .refused("a transpose between the layers orders the rows otherwise") }
        for index in [first.weight, second.weight] {
            guard let weight = graph.parameterValue(index), consumers[weight.index].count == 1 else {
                return .refused("another node reads the weight '\(graph.parameters[index].name)'")
            }
        }
        guard graph.ownsNodes(nodes + second.nodes) else {
            return .refused("a node of the file computes more than the block")
        }
        let (shape, result) = (graph.shape(first.input), graph.shape(second.output))
        // After a single pixel, the replacement reads a matrix.
        let isFlattened = first.axis == .second && second.axis == .last && result.rank == 2
        guard isFlattened || first.axis == second.axis && shape.rank == result.rank,
            first.axis.rows(of: shape) == second.axis.rows(of: result)
        else {
            return .refused("a reshape between the layers divides the rows otherwise")
        }
        return .candidate(
            Candidate(
                id: BlockID(activation.value, in: graph), first: first, second: second, activation: activation.kind,
                activationValue: activation.value,
                activationInput: activation.input, batchNorms: batchNorms, nodes: nodes + second.nodes,
                kind: (words + ["Linear"]).joined(separator: "-"),
                rowsPerSample: max(1, shape.elementCount / max(1, first.inFeatures) / graph.batchSize)))
    }
}

extension FeatureAxis {
    /// The sizes of a value without its features and, for a single pixel, without the spatial axes.
    fileprivate func rows(of shape: Shape) -> [Int] {
        var sizes = shape.dimensions
        sizes.remove(at: place(rank: sizes.count))
        return self == .second && sizes.dropFirst().allSatisfy { $0 == 1 } ? Array(sizes.prefix(1)) : sizes
    }
}

extension Node {
    /// The other factor of a product, if it is not the value itself.
    fileprivate func otherFactor(than value: ValueID) -> ValueID? {
        guard case .binary(.multiply) = op else { return nil }
        return operands.first { $0 != value }
    }
}

extension Op {
    fileprivate var isActivation: Bool {
        switch self {
        case .unary, .prelu: true
        default: false
        }
    }
}
