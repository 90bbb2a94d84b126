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

    /// The ops to replace.
    private var nodes: [ValueID]
    private var layout: HiddenLayout
    private var affines: [Affine] = []
    private var activation: (kind: Activation, nodes: [ValueID], input: ValueID)?
    private var words = ["Linear"]
    /// The reason why the ops so far stay: something else reads the hidden value.
    private var otherReader: String?

    init(from first: Linear, in graph: Graph, _ consumers: [[ValueID]], _ leadsToLayer: [Bool]) {
        (self.first, self.graph, self.consumers, self.leadsToLayer) = (first, graph, consumers, leadsToLayer)
        nodes = first.nodes
        layout = HiddenLayout(axis: first.axis.place(rank: graph.shape(first.output).rank))
    }

    mutating func run() -> End { follow(first.output) }

    private mutating func follow(_ start: ValueID) -> End {
        var value = start
        while true {
            if let found = ComposedActivation(of: value, in: graph, consumers: consumers) {
                if let reason = activate(.composed(found.kind), found.nodes, value) { return .refused(reason) }
                value = found.result
                continue
            }
            switch readers(of: value) {
            case .refused(let reason): return .refused(reason)
            case .several(let reason): return fork(at: value, reason)
            case .one(let next):
                switch step(to: next, reading: value) {
                case .end(let end): return end
                case .passed: value = next
                }
            }
        }
    }

    private enum Readers {
        case one(ValueID)
        /// Readers of which the others keep what comes before them.
        case several(String)
        case refused(String)
    }

    private func readers(of value: ValueID) -> Readers {
        let readers = consumers[value.index]
        let isOutput = graph.isOutput(value)
        guard !isOutput || leadsToLayer[value.index] else {
            return .refused("it is the last layer: its result is an output")
        }
        guard !readers.isEmpty else { return .refused("nothing reads its result") }
        let isHidden = activation != nil || readers.contains { graph[$0].op.isActivation }
        if isOutput, !isHidden { return .refused("its result is also an output") }
        if let norm = readers.first(where: { graph.normalizes($0, over: layout.axis) }) {
            return .refused(activation == nil ? obstacle(norm, value) : GatingAnalysis.normalized)
        }
        if readers.count > 1 {
            let interplay = GatingAnalysis(graph: graph, axis: layout.axis, isActivated: activation != nil)
            if let reason = interplay.reason(for: value) { return .refused(reason) }
        }
        if isOutput { return .several("the hidden value is also an output") }
        guard readers.count > 1 else { return .one(readers[0]) }
        return isHidden
            ? .several("the hidden value has another consumer") : .refused("several operations read its result")
    }

    /// Follows each reader of a hidden value that stays. The layer behind it may still read the block's input, if that
    /// pays although the first layer stays too.
    private func fork(at value: ValueID, _ reason: String) -> End {
        guard otherReader == nil else { return .refused(reason) }
        for next in consumers[value.index] {
            var branch = self
            (branch.nodes, branch.otherReader) = ([], reason)
            switch branch.step(to: next, reading: value) {
            case .end(.candidate(let candidate)): return .candidate(candidate)
            case .end: continue
            case .passed: if case .candidate(let candidate) = branch.follow(next) { return .candidate(candidate) }
            }
        }
        return .refused(reason)
    }

    private enum Step {
        case passed
        case end(End)
    }

    private mutating func step(to next: ValueID, reading value: ValueID) -> Step {
        if let second = Linear(next, in: graph, consumers: consumers), second.input == value {
            return .end(end(second, reading: value))
        }
        if let reason = pass(next, reading: value) { return .end(.refused(reason)) }
        return .passed
    }

    /// Passes an op between the layers.
    ///
    /// - Returns: the reason why it may not stand there.
    private mutating func pass(_ next: ValueID, reading value: ValueID) -> String? {
        let node = graph[next]
        if let affine = Affine(next, reading: value, axis: layout.axis, in: graph) {
            affines.append(affine)
            words.append(affine.name)
            nodes.append(next)
            return nil
        }
        if activation != nil, case .binary(.multiply) = node.op {
            // Multiplied by itself: a square.
            guard let other = node.operands.first(where: { $0 != value }) else { return Self.twoActivations }
            return graph.isKnown(other) ? obstacle(next, value) : GatingAnalysis.gated
        }
        guard node.operands.first == value else { return obstacle(next, value) }
        switch node.op {
        case .unary(let kind): return activate(.unary(kind), [next], value)
        case .prelu:
            guard let slope = graph.parameterIndex(node.operands[1]) else {
                return "the slope of the PReLU is not a parameter"
            }
            return activate(.prelu(slope: slope), [next], value)
        case .batchNorm where layout.axis == 1: return "the statistics of the BatchNorm are not parameters"
        case .reshape:
            guard layout.reshape(from: graph.shape(value), to: graph.shape(next)) else { return obstacle(next, value) }
        case .transpose(let permutation): layout.transpose(permutation)
        case .matMul, .convolution:
            if activation != nil, Linear(next, in: graph, consumers: consumers, sharesNodes: true) != nil {
                return "a node of the file computes more than the second layer"
            }
            return activation.flatMap { _ in graph.whyNoLayer(next, axis: layout.axis) } ?? obstacle(next, value)
        default: return obstacle(next, value)
        }
        nodes.append(next)
        return nil
    }

    private static let twoActivations = "two activations stand between the layers"

    /// Passes an activation.
    ///
    /// - Returns: the reason why it may not stand there.
    private mutating func activate(_ kind: Activation, _ own: [ValueID], _ value: ValueID) -> String? {
        guard activation == nil else { return Self.twoActivations }
        activation = (kind, own, value)
        words.append(kind.name)
        nodes += own
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
            return .refused(
                "no activation stands between it and '\(second.scope)', and one layer for both would not be smaller")
        }
        guard graph.hasSamplesFirst(first.input), graph.hasSamplesFirst(second.output) else {
            return .refused("the samples do not lie on the first axis of its input")
        }
        guard layout.isInOrder else { return .refused("a transpose between the layers orders the rows otherwise") }
        for index in [first.weight, second.weight] where otherReader == nil || index == second.weight {
            guard let weight = graph.parameterValue(index), consumers[weight.index].count == 1 || otherReader == nil
            else {
                return .refused(graph.otherReader(ofWeight: index))
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
        let isShared = otherReader != nil
        let candidate = Candidate(
            id: BlockID(activation.nodes[activation.nodes.count - 1], to: isShared ? second.output : nil, in: graph),
            first: first, second: second, activation: activation.kind, activationNodes: activation.nodes,
            activationInput: activation.input, affines: affines, nodes: nodes + second.nodes, isShared: isShared,
            kind: (words + ["Linear"]).joined(separator: "-"),
            rowsPerSample: max(1, shape.elementCount / max(1, first.inFeatures) / graph.batchSize))
        if let otherReader, !Profit(candidate, in: graph).isProfitable { return .refused(otherReader) }
        return .candidate(candidate)
    }
}

extension Graph {
    /// The reason to keep a layer whose weight serves elsewhere too.
    func otherReader(ofWeight index: Int) -> String { "another node reads the weight '\(parameters[index].name)'" }
}

extension Op {
    fileprivate var isActivation: Bool {
        switch self {
        case .unary, .prelu: true
        default: false
        }
    }
}
