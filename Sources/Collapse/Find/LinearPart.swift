import Compute
import Model

/// An op whose result is an affine function of the features of the values that it computes with.
struct LinearPart {
    enum Kind {
        /// A linear layer without the bias that may follow.
        case product(Linear)
        case affine(Affine)
        /// A sum or a difference of two computed values.
        case sum(BinaryKind)
        /// A reshape that keeps the features on the last axis.
        case reshape
    }

    let value: ValueID
    let kind: Kind
    /// The computed values that it reads, in order.
    let operands: [ValueID]

    /// Recognises the op; nil for another one.
    ///
    /// - Parameters:
    ///   - value: the op's result.
    ///   - axis: the axis of the features.
    ///   - graph: a graph with the op.
    ///   - consumers: the consumers of its values.
    init?(_ value: ValueID, axis: FeatureAxis, in graph: Graph, consumers: [[ValueID]]) {
        let computed = graph[value].operands.filter { !graph.isKnown($0) }
        guard let operand = computed.first, graph.type(value).element == .float32 else { return nil }
        (self.value, operands) = (value, computed)
        let place = axis.place(rank: graph.shape(value).rank)
        guard graph.shape(value).dimensions.indices.contains(place) else { return nil }
        switch graph[value].op {
        case .matMul, .convolution:
            guard computed.count == 1,
                let linear = Linear(value, in: graph, consumers: consumers, sharesNodes: true), linear.axis == axis
            else { return nil }
            kind = .product(linear)
        case .reshape:
            guard axis == .last, let features = graph.shape(operand).dimensions.last, features > 0,
                features == graph.shape(value)[place]
            else { return nil }
            kind = .reshape
        case .binary(let kind) where computed.count == 2:
            guard kind == .add || kind == .subtract, computed.allSatisfy({ graph.type($0) == graph.type(value) }) else {
                return nil
            }
            self.kind = .sum(kind)
        default:
            guard computed.count == 1, let affine = Affine(value, reading: operand, axis: place, in: graph),
                affine.isFinite(in: graph)
            else { return nil }
            kind = .affine(affine)
        }
    }

    /// True when it adds numbers to its operand.
    func shifts(in graph: Graph) -> Bool {
        switch kind {
        case .product: graph[value].operands.count > 2
        case .affine(let affine): affine.name != "Scale"
        case .sum, .reshape: false
        }
    }
}
