import Compute
import Model

/// One op that computes the same as several.
struct Recognition {
    let op: Op
    let operands: [ValueID]
    /// The ops that it replaces, including the last.
    var covered: Set<ValueID>
}

extension Graph {
    /// The graph with each spelling of an activation or a normalisation as one op, whose origin is all their nodes.
    ///
    /// A spelling is kept if another op reads a part of it.
    ///
    /// - Throws: ``FormatError/invalidONNX(_:)`` never, as the result has the type of the replaced value.
    func recognized() throws(FormatError) -> Graph {
        let pattern = GraphPattern(graph: self)
        var transformer = GraphTransformer(self)
        for value in values {
            guard let found = pattern.recognize(value), let operands = transformer.all(found.operands) else {
                transformer.keep(value)
                continue
            }
            let nodes = Set(found.covered.flatMap { self[$0].origin.nodes }).sorted()
            let origin = Origin(nodes: nodes, isReplacement: self[value].origin.isReplacement)
            do throws(ModelError) {
                try transformer.keep(value, as: found.op, reading: operands, origin: origin)
            } catch {
                throw .invalidONNX("\(error)")
            }
        }
        transformer.keepOutputs()
        return transformer.result
    }
}

/// Matches spellings backwards from a value of a graph.
struct GraphPattern {
    let graph: Graph
    let consumers: [[ValueID]]
    private let outputs: Set<ValueID>

    init(graph: Graph) {
        self.graph = graph
        consumers = graph.consumers()
        outputs = Set(graph.outputs.map(\.value))
    }

    /// The one op that replaces a value and ops before it, or nil.
    func recognize(_ value: ValueID) -> Recognition? {
        let found: Recognition?
        switch graph[value].op {
        case .binary(.multiply): found = gated(value) ?? scaledNorm(value) ?? norm(value)
        case .binary(.divide): found = gated(value) ?? norm(value)
        case .binary(.add): found = shiftedNorm(value)
        case .binary(.maximum), .binary(.minimum): found = clamped(value)
        default: found = nil
        }
        guard let found, isAlone(found.covered, ending: value),
            found.operands.first.map({ graph.type($0) }) == graph.type(value)
        else { return nil }
        return found
    }

    /// True when no other op reads the values in between.
    private func isAlone(_ covered: Set<ValueID>, ending last: ValueID) -> Bool {
        covered.allSatisfy { value in
            value == last || !outputs.contains(value) && consumers[value.index].allSatisfy(covered.contains)
        }
    }

    /// The float of a known value of one element, of any rank.
    func scalar(_ value: ValueID) -> Float? {
        let tensor: Tensor
        switch graph[value].op {
        case .constant(let constant): tensor = constant
        case .parameter(let index): tensor = graph.parameters[index].tensor
        default: return nil
        }
        return tensor.type == .float32 && tensor.shape.elementCount == 1 ? tensor.floats[0] : nil
    }

    /// True for a number as an exporter writes it; files in float16 round theirs by up to 1.6e-4.
    func isNear(_ value: Float, _ expected: Float) -> Bool { abs(value - expected) <= 2e-4 * abs(expected) }

    func operands(_ value: ValueID, of kind: BinaryKind) -> (ValueID, ValueID)? {
        guard case .binary(kind) = graph[value].op else { return nil }
        return (graph[value].operands[0], graph[value].operands[1])
    }

    func operand(_ value: ValueID, of kind: UnaryKind) -> ValueID? {
        guard case .unary(kind) = graph[value].op else { return nil }
        return graph[value].operands[0]
    }

    /// The constant and the other operand of a sum.
    func sum(_ value: ValueID) -> (known: Float, other: ValueID)? {
        guard let (left, right) = operands(value, of: .add) else { return nil }
        if let known = scalar(left) { return (known, right) }
        if let known = scalar(right) { return (known, left) }
        return nil
    }

    /// A product, flattened to a coefficient and factors.
    struct Product {
        var coefficient: Float = 1
        var factors: [ValueID] = []
        var covered: Set<ValueID> = []
    }

    /// The flattened product of a value; factors with other consumers are kept whole.
    func product(_ value: ValueID) -> Product {
        var product = Product()
        var waiting = [(value, isRoot: true)]
        while let (next, isRoot) = waiting.popLast() {
            if let known = scalar(next) {
                product.coefficient *= known
                continue
            }
            let isOwn = isRoot || consumers[next.index].count == 1 && !outputs.contains(next)
            if isOwn, let (left, right) = operands(next, of: .multiply), product.covered.count < 8 {
                product.covered.insert(next)
                waiting += [(left, false), (right, false)]
            } else if isOwn, let (left, right) = operands(next, of: .divide), let known = scalar(right) {
                product.covered.insert(next)
                product.coefficient /= known
                waiting.append((left, false))
            } else if isOwn, case .binary(.power) = graph[next].op, let power = scalar(graph[next].operands[1]),
                power == 3
            {
                product.covered.insert(next)
                product.factors += [ValueID](repeating: graph[next].operands[0], count: 3)
            } else {
                product.factors.append(next)
            }
        }
        return product
    }
}
