import Compute
package import Model
package import Options

/// Finds the blocks linear - activation - linear of a graph.
package struct Candidates: Sendable {
    /// The candidates in graph order.
    package private(set) var found: [Candidate] = []
    package private(set) var refusals: [Refusal] = []

    package init(in graph: Graph) {
        let consumers = graph.consumers()
        for value in graph.values {
            guard let first = Linear(value, in: graph, consumers: consumers, sharesNodes: true) else { continue }
            switch Self.follow(first, in: graph, consumers) {
            case .candidate(let candidate): found.append(candidate)
            case .refused(let reason): refusals.append(Refusal(name: first.scope, reason: reason))
            case .nothing: break
            }
        }
    }

    /// The candidate with an identity, if there is one.
    subscript(id: BlockID) -> Candidate? { found.first { $0.id == id } }

    /// The reason why no gradient of a loss on the network's output reaches the layers, so that they are trained on
    /// their own blocks.
    ///
    /// - Parameters:
    ///   - graph: the graph that was searched.
    ///   - task: the task of its output.
    ///   - train: the parameters to train.
    /// - Returns: a warning; nil when gradients reach the layers, or there are no candidates.
    package func obstacle(
        in graph: Graph, task: PredictionTask, train: JobOptions.Train = .collapsed
    ) -> String? {
        let own = Set(found.flatMap(\.layerParameters))
        return graph.obstacle(from: task.logits(of: graph), to: graph.trainable(train, collapsed: own))
            .map(BlockTargets.warning)
    }

    private enum Finding {
        case candidate(Candidate)
        case refused(String)
        case nothing
    }

    private static func follow(_ first: Linear, in graph: Graph, _ consumers: [[ValueID]]) -> Finding {
        var value = first.output
        var nodes = first.nodes
        var layout = HiddenLayout(axis: first.axis.place(rank: graph.shape(value).rank))
        var batchNorms: [ValueID] = []
        var activation: (kind: Activation, value: ValueID, input: ValueID)?
        var words = ["Linear"]
        while true {
            let readers = consumers[value.index]
            guard !graph.isOutput(value), let next = readers.first else { return .nothing }
            guard !readers.contains(where: { graph.normalizes($0, over: layout.axis) }) else {
                return activation == nil ? .nothing : .refused(GatingAnalysis.normalized)
            }
            guard readers.count == 1 else {
                let interplay = GatingAnalysis(graph: graph, axis: layout.axis, isActivated: activation != nil)
                if let reason = interplay.reason(for: value) { return .refused(reason) }
                return activation == nil && !readers.contains { graph[$0].op.isActivation }
                    ? .nothing : .refused("the hidden value has another consumer")
            }
            if let other = graph[next].otherFactor(than: value) {
                guard activation != nil else { return .nothing }
                return .refused(graph.isKnown(other) ? "a scale stands between the layers" : GatingAnalysis.gated)
            }
            guard graph[next].operands.first == value else { return .nothing }
            switch graph[next].op {
            case .unary(let kind):
                guard activation == nil else { return .refused("two activations stand between the layers") }
                activation = (.unary(kind), next, value)
                words.append(Activation.unary(kind).name)
            case .prelu:
                guard activation == nil else { return .refused("two activations stand between the layers") }
                guard let slope = graph.parameterIndex(graph[next].operands[1]) else {
                    return .refused("the slope of the PReLU is not a parameter")
                }
                activation = (.prelu(slope: slope), next, value)
                words.append("PReLU")
            case .batchNorm where layout.axis == 1:
                guard graph[next].operands.dropFirst().allSatisfy({ graph.parameterIndex($0) != nil }) else {
                    return .refused("the statistics of the BatchNorm are not parameters")
                }
                batchNorms.append(next)
                words.append("BatchNorm")
            case .binary(.multiply):
                // Multiplied by itself: a square.
                return activation == nil ? .nothing : .refused("two activations stand between the layers")
            case .reshape:
                guard layout.reshape(from: graph.shape(value), to: graph.shape(next)) else { return .nothing }
            case .transpose(let permutation):
                layout.transpose(permutation)
            case .matMul, .convolution:
                let second = Linear(next, in: graph, consumers: consumers)
                if let second, second.axis.place(rank: graph.shape(value).rank) == layout.axis, let activation {
                    guard layout.isInOrder else {
                        return .refused("a transpose between the layers orders the rows otherwise")
                    }
                    return finish(first, second, activation, batchNorms, nodes, words, in: graph, consumers)
                }
                guard activation != nil, second == nil else { return .nothing }
                if Linear(next, in: graph, consumers: consumers, sharesNodes: true) != nil {
                    return .refused("a node of the file computes more than the second layer")
                }
                guard let reason = graph.whyNoLayer(next, axis: layout.axis) else { return .nothing }
                return .refused(reason)
            default:
                return .nothing
            }
            nodes.append(next)
            value = next
        }
    }

    private static func finish(
        _ first: Linear, _ second: Linear, _ activation: (kind: Activation, value: ValueID, input: ValueID),
        _ batchNorms: [ValueID], _ nodes: [ValueID], _ words: [String], in graph: Graph, _ consumers: [[ValueID]]
    ) -> Finding {
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
