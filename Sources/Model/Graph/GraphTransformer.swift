/// A new graph made from an older one, value by value in evaluation order.
///
/// A pass decides for each value of the source whether to keep it, to replace it by a value that it appends to the
/// result, or to leave it out.
package struct GraphTransformer {
    private let source: Graph
    private let keepsIndices: Bool
    private var moved: [ValueID?]
    /// The graph made so far.
    package var result: Graph

    /// - Parameters:
    ///   - source: the older graph.
    ///   - keepsIndices: whether all parameters keep their indices; if not, the result has the kept ones only.
    package init(_ source: Graph, keepsIndices: Bool = false) {
        (self.source, self.keepsIndices) = (source, keepsIndices)
        moved = [ValueID?](repeating: nil, count: source.nodes.count)
        result = Graph(parameters: keepsIndices ? source.parameters : [])
    }

    /// The value in the result for each value of the source; nil for those left out.
    package subscript(value: ValueID) -> ValueID? { moved[value.index] }

    /// The values in the result for several of the source; nil if one was left out.
    package func all(_ values: [ValueID]) -> [ValueID]? {
        let found = values.compactMap { self[$0] }
        return found.count == values.count ? found : nil
    }

    /// Keeps a value: its op, type, name, scope and origin. The values that it reads must exist with their old types.
    package mutating func keep(_ value: ValueID) {
        let node = source[value]
        if case .input(let name) = node.op {
            replace(value, by: result.addInput(name, node.type, valueName: node.name))
        } else if let index = source.parameterIndex(value), !keepsIndices {
            replace(value, by: result.addParameter(source.parameters[index]))
        } else {
            guard let operands = all(node.operands), operands.map(result.type) == node.operands.map(source.type) else {
                preconditionFailure("the operands of a kept value are kept")
            }
            replace(value, by: result.add(node, reading: operands))
        }
    }

    /// Computes a value by another op on values of the result, under its old name, scope and origin.
    ///
    /// - Throws: ``ModelError`` as ``Graph/append(_:_:name:scope:origin:)``.
    package mutating func keep(
        _ value: ValueID, as op: Op, reading operands: [ValueID], origin: Origin? = nil
    ) throws(ModelError) {
        let node = source[value]
        replace(
            value,
            by: try result.append(
                op, operands, name: node.name, scope: node.scope, origin: origin ?? node.origin))
    }

    /// Uses a value of the result wherever a value of the source was read.
    package mutating func replace(_ value: ValueID, by other: ValueID) { moved[value.index] = other }

    /// Makes the kept outputs of the source outputs of the result.
    package mutating func keepOutputs() {
        for output in source.outputs {
            if let value = self[output.value] { result.addOutput(output.name, value) }
        }
    }
}

extension Graph {
    /// Marks the values that others are computed from, and these themselves.
    ///
    /// - Parameters:
    ///   - results: the values to compute.
    ///   - isCut: whether a value is not computed, so that its operands are not needed for it.
    /// - Returns: for each value, whether it is needed.
    package func needed(
        for results: [ValueID], unless isCut: (ValueID) -> Bool = { _ in false }
    ) -> [Bool] {
        var isNeeded = [Bool](repeating: false, count: nodes.count)
        for value in results { isNeeded[value.index] = true }
        for value in values.reversed() where isNeeded[value.index] && !isCut(value) {
            for operand in self[value].operands { isNeeded[operand.index] = true }
        }
        return isNeeded
    }

    /// Marks the values that depend on some of the graph, and these themselves.
    ///
    /// - Parameter isSource: whether a value is one of those that others depend on.
    /// - Returns: for each value, whether it depends on one of them.
    package func dependents(on isSource: (ValueID) -> Bool) -> [Bool] {
        var isDependent = [Bool](repeating: false, count: nodes.count)
        for value in values {
            isDependent[value.index] =
                isSource(value) || self[value].operands.contains { isDependent[$0.index] }
        }
        return isDependent
    }

    /// The graph without the nodes and parameters that no output depends on. Inputs are always kept.
    package func pruned() -> Graph {
        let isNeeded = needed(for: outputs.map(\.value) + inputs)
        var transformer = GraphTransformer(self)
        for value in values where isNeeded[value.index] { transformer.keep(value) }
        transformer.keepOutputs()
        return transformer.result
    }
}
