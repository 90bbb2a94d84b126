/// A node of the document that cannot be run, as an error and a plan name it.
package struct UnsupportedNode: Hashable, Sendable, CustomStringConvertible {
    /// The place in the document; of what stands in a function or a subgraph, of the node that holds it.
    package let index: Int
    /// Its own, or that of its first result.
    package let name: String
    /// With the domain in front where it is not the standard one.
    package let operatorName: String
    /// The version of the standard operators.
    package let opset: Int
    /// What of it cannot be run where the operator itself can, and what to do about it.
    package let remark: String
    /// Whether training would have to go through it: it reads what depends on a weight, and an output depends on it.
    package internal(set) var isOnGradientPath = false

    package var description: String { "'\(name)' (\(operatorName), opset \(opset))\(remark)" }
}

extension NodeView {
    /// - Parameter remark: what of the node cannot be run, where the operator itself can.
    /// - Returns: the error.
    func unsupported(_ remark: String = "") -> FormatError { .unsupportedOperator([refused(remark)]) }

    func refused(_ remark: String) -> UnsupportedNode {
        UnsupportedNode(index: index, name: shownName, operatorName: opType, opset: opset, remark: remark)
    }
}

/// Which nodes of a document derivatives pass through.
struct GradientPath {
    private var nodes: Set<Int> = []

    /// Operators whose results are integers or truths: nothing flows back through them.
    private static let integerResults: Set<String> = [
        "And", "ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual",
        "NonZero", "Not", "Or", "Shape", "Size", "Xor",
    ]

    /// - Parameters:
    ///   - model: with its nodes in order.
    ///   - trained: names of initializers that training may change.
    init(in model: ONNXModel, trained: Set<String>) {
        var depending = trained
        for (index, node) in model.nodes.enumerated()
        where !Self.integerResults.contains(node.opType) && node.inputs.contains(where: depending.contains) {
            depending.formUnion(node.outputs)
            nodes.insert(index)
        }
        var read = Set(model.outputs.map(\.name))
        for (index, node) in model.nodes.enumerated().reversed() where nodes.contains(index) {
            if node.outputs.contains(where: read.contains) {
                read.formUnion(node.inputs)
            } else {
                nodes.remove(index)
            }
        }
    }

    func contains(_ index: Int) -> Bool { nodes.contains(index) }
}
