import Compute
package import Model

/// Finds the runs linear - activation - linear of a graph.
package struct Candidates: Sendable {
    /// In graph order.
    package private(set) var found: [Candidate] = []
    package private(set) var refusals: [Refusal] = []

    package init(in graph: Graph) {
        let consumers = graph.consumers()
        for value in graph.values {
            guard let first = Linear(value, in: graph, consumers: consumers) else { continue }
            switch Self.follow(first, in: graph, consumers) {
            case .candidate(let candidate): found.append(candidate)
            case .refused(let reason): refusals.append(Refusal(name: first.scope, reason: reason))
            case .nothing: break
            }
        }
    }

    private enum Finding {
        case candidate(Candidate)
        case refused(String)
        case nothing
    }

    private static func follow(_ first: Linear, in graph: Graph, _ consumers: [[ValueID]]) -> Finding {
        var value = first.output
        var nodes = first.nodes
        var batchNorms: [ValueID] = []
        var activation: (kind: Activation, value: ValueID, input: ValueID)?
        var words = ["Linear"]
        while true {
            let readers = consumers[value.index]
            guard !graph.isOutput(value), let next = readers.first else { return .nothing }
            guard !readers.contains(where: graph.normalizes) else {
                return activation == nil ? .nothing : .refused("a normalisation over the hidden axis")
            }
            guard readers.count == 1 else {
                return activation == nil && !readers.contains { graph[$0].op.isActivation }
                    ? .nothing : .refused("the hidden value has another consumer")
            }
            guard graph[next].operands.first == value else {
                guard activation != nil, case .binary(.multiply) = graph[next].op else { return .nothing }
                return .refused("gated: the hidden value is multiplied by another")
            }
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
            case .batchNorm where graph.shape(next).rank == 2:
                guard graph[next].operands.dropFirst().allSatisfy({ graph.parameterIndex($0) != nil }) else {
                    return .refused("the statistics of the BatchNorm are not parameters")
                }
                batchNorms.append(next)
                words.append("BatchNorm")
            case .reshape where graph.shape(next).dimensions.last == graph.shape(value).dimensions.last:
                break
            case .matMul:
                guard let second = Linear(next, in: graph, consumers: consumers) else {
                    return activation == nil ? .nothing : .refused("the second layer has a dynamic weight")
                }
                guard let activation else { return .nothing }
                return finish(first, second, activation, batchNorms, nodes, words, in: graph, consumers)
            case .convolution(let window, _):
                let isSpatial = window.kernel.contains { $0 > 1 }
                return activation == nil || !isSpatial ? .nothing : .refused("a spatial convolution in between")
            case .binary(.multiply):
                return activation == nil ? .nothing : .refused("gated: the hidden value is multiplied by another")
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
        let shape = graph.shape(first.input)
        guard shape.dimensions.dropLast() == graph.shape(second.output).dimensions.dropLast() else {
            return .refused("a reshape between the layers divides the rows otherwise")
        }
        return .candidate(
            Candidate(
                first: first, second: second, activation: activation.kind, activationValue: activation.value,
                activationInput: activation.input, batchNorms: batchNorms, nodes: nodes + second.nodes,
                kind: (words + ["Linear"]).joined(separator: "-"),
                rowsPerSample: max(1, shape.elementCount / max(1, first.inFeatures) / graph.batchSize)))
    }
}

extension Graph {
    /// Whether a value sums over the last axis of what it reads, as LayerNorm and softmax do.
    fileprivate func normalizes(_ value: ValueID) -> Bool {
        guard let operand = self[value].operands.first else { return false }
        let last = shape(operand).rank - 1
        return switch self[value].op {
        case .softmax(let axis), .logSoftmax(let axis): axis == last
        case .norm: true
        case .reduce(_, let axes, _): axes.contains(last)
        default: false
        }
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
