import Compute
import Model

extension ONNXLowering {
    /// Folds a node by running it, if all its operands are known and none of them is trained.
    ///
    /// - Returns: true when the node needs no lowering.
    mutating func fold(_ node: NodeView) throws(FormatError) -> Bool {
        let operands = node.inputs.filter { !$0.isEmpty }
        guard !operands.isEmpty, operands.allSatisfy({ known($0) != nil && !isTrainable($0) }) else { return false }
        var alone = ONNXLowering(folding: node, of: self)
        try alone.lower(node)
        var computed: [(name: String, value: ValueID)] = []
        for output in node.outputs {
            switch alone.found(output) {
            case .computed(let value): computed.append((output, value))
            case .known(let tensor, let name): define(output, .known(tensor, name: name))
            case nil: break
            }
        }
        guard !computed.isEmpty else { return true }
        let size = alone.graph.nodes.reduce(0) { $0 + $1.type.shape.elementCount }
        guard allowsFolding(size) else { return false }
        let plan: ExecutionPlan
        do { plan = try ExecutionPlan(alone.graph, fetching: computed.map(\.value)) } catch {
            throw unfit(node, "\(error)")
        }
        plan.run()
        for (name, value) in computed { define(name, folded: plan.tensor(value)) }
        return true
    }
}
