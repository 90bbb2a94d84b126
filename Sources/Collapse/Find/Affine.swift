import Compute
import Model

/// An op that maps each feature by known numbers, `factor * x + offset`: a BatchNorm, or arithmetic with constants.
package struct Affine: Sendable {
    /// The op's result.
    let value: ValueID
    /// The axis of the features.
    let axis: Int
    /// The constants.
    let known: [ValueID]
    /// The module that computes it.
    let name: String

    /// Recognises the map; nil for another op, or constants that differ between the places of one feature.
    ///
    /// - Parameters:
    ///   - value: the op's result.
    ///   - operand: the operand `x`.
    ///   - axis: the axis of its features.
    ///   - graph: the graph.
    init?(_ value: ValueID, reading operand: ValueID, axis: Int, in graph: Graph) {
        let (node, shape) = (graph[value], graph.shape(operand))
        (self.value, self.axis) = (value, axis)
        known = node.operands.filter { $0 != operand }
        guard node.type == graph.type(operand), node.type.element == .float32, known.allSatisfy(graph.isKnown) else {
            return nil
        }
        switch node.op {
        case .batchNorm:
            guard axis == 1, node.operands.first == operand, known.count + 1 == node.operands.count else { return nil }
            name = "BatchNorm"
        case .binary(let kind):
            guard known.count == 1, graph.shape(known[0]).isPerFeature(of: shape, axis: axis) else { return nil }
            switch kind {
            case .add, .subtract: name = "Shift"
            case .multiply: name = "Scale"
            case .divide:
                guard node.operands[0] == operand else { return nil }
                name = "Scale"
            default: return nil
            }
        default: return nil
        }
    }

    /// The numbers of each feature.
    func numbers(in graph: Graph) -> (factor: [Float], offset: [Float]) {
        let (node, count) = (graph[value], graph.shape(value)[axis])
        let constants = known.map { graph.numbers(of: $0, count: count) }
        let (ones, zeros) = ([Float](repeating: 1, count: count), [Float](repeating: 0, count: count))
        switch node.op {
        case .batchNorm(let epsilon):
            // The operands may be one tensor, so they are read by their places.
            let statistics = node.operands.dropFirst().map { graph.numbers(of: $0, count: count) }
            let factor = zip(statistics[0], statistics[3]).map { $0 / ($1 + epsilon).squareRoot() }
            return (factor, factor.indices.map { statistics[1][$0] - statistics[2][$0] * factor[$0] })
        case .binary(.add): return (ones, constants[0])
        case .binary(.subtract):
            return node.operands[0] == known[0]
                ? (ones.map { -$0 }, constants[0]) : (ones, constants[0].map { -$0 })
        case .binary(.multiply): return (constants[0], zeros)
        case .binary(.divide): return (constants[0].map { 1 / $0 }, zeros)
        default: preconditionFailure("it is a BatchNorm or arithmetic")
        }
    }

    /// True unless a number is infinite or none.
    func isFinite(in graph: Graph) -> Bool {
        let (factor, offset) = numbers(in: graph)
        return factor.allSatisfy(\.isFinite) && offset.allSatisfy(\.isFinite)
    }

    /// The number of parameters among the constants.
    func parameterCount(in graph: Graph) -> Int {
        known.reduce(0) { $0 + (graph.parameterIndex($1) == nil ? 0 : graph.shape($1).elementCount) }
    }
}

extension Graph {
    /// The tensor of a parameter or a constant; nil for a value that is computed.
    func known(_ value: ValueID) -> Tensor? {
        switch self[value].op {
        case .parameter(let index): parameters[index].tensor
        case .constant(let tensor): tensor
        default: nil
        }
    }

    func isKnown(_ value: ValueID) -> Bool { known(value) != nil }

    /// The numbers of a known value, one for each feature.
    fileprivate func numbers(of value: ValueID, count: Int) -> [Float] {
        let numbers = known(value)?.floats ?? []
        return numbers.count == 1 ? [Float](repeating: numbers[0], count: count) : numbers
    }
}

extension Shape {
    /// True when it broadcasts one number, or one number per feature, to a shape with the features on an axis.
    fileprivate func isPerFeature(of full: Shape, axis: Int) -> Bool {
        guard rank <= full.rank else { return false }
        let offset = full.rank - rank
        return dimensions.indices.allSatisfy { place in
            self[place] == 1 || place + offset == axis && self[place] == full[axis]
        }
    }
}
