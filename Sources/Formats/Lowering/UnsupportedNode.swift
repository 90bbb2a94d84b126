/// A node of the document that cannot be run, as errors and plans name it.
package struct UnsupportedNode: Hashable, Sendable, CustomStringConvertible {
    /// The index in the document; inside a function or a subgraph, that of the enclosing node of the document.
    package let index: Int
    /// The node's own name, or that of its first result.
    package let name: String
    /// The operator, prefixed with its domain unless that is the default one.
    package let operatorName: String
    /// The opset of the default domain.
    package let opset: Int
    /// The reason or the aspect that cannot be run, and the remedy; may be empty.
    package let remark: String
    /// True when gradients would pass through it: it depends on a weight, and an output depends on it.
    package internal(set) var isOnGradientPath = false

    package var description: String { "'\(name)' (\(operatorName), opset \(opset))\(remark)" }
}

extension NodeView {
    /// The error for a node that cannot be run.
    ///
    /// - Parameter remark: the aspect that cannot be run, if the operator itself can.
    /// - Returns: the error.
    func unsupported(_ remark: String = "") -> FormatError { .unsupportedOperator([refused(remark)]) }

    func refused(_ remark: String) -> UnsupportedNode {
        UnsupportedNode(index: index, name: shownName, operatorName: opType, opset: opset, remark: remark)
    }
}

/// The nodes of a document that gradients pass through.
struct GradientPath {
    private var nodes: Set<Int> = []

    /// Finds the nodes between trained initializers and outputs.
    ///
    /// - Parameters:
    ///   - model: the model, its nodes in order.
    ///   - trained: the names of initializers that training may change.
    init(in model: ONNXModel, trained: Set<String>) {
        var depending = trained
        for (index, node) in model.nodes.enumerated()
        where !(ONNXLowering.operators[NodeView.opType(node)]?.isDiscrete ?? false)
            && node.inputs.contains(where: depending.contains)
        {
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
