import Compute
import Model

extension ONNXLowering {
    /// Operators that read or write where indices say.
    mutating func index(_ node: LoweredNode) throws(FormatError) {
        let kinds: [String: ScatterKind] = [
            "none": .replace, "add": .add, "mul": .multiply, "min": .minimum, "max": .maximum,
        ]
        guard let kind = kinds[node.string("reduction") ?? "none"] else {
            throw node.unsupported(" with that reduction")
        }
        switch node.opType {
        case "Gather":
            let axis = try axis(node.int("axis") ?? 0, node)
            try checkIndices(node, of: try shape(node, 0)[axis])
            try append(.gather(axis: axis), node, reading: 2)
        case "GatherElements":
            let axis = try axis(node.int("axis") ?? 0, node)
            try checkIndices(node, of: try shape(node, 0)[axis])
            try append(.gatherElements(axis: axis), node, reading: 2)
        case "GatherND": try append(.gatherND(batchAxes: node.int("batch_dims") ?? 0), node, reading: 2)
        case "ScatterElements":
            let axis = try axis(node.int("axis") ?? 0, node)
            try checkIndices(node, of: try shape(node, 0)[axis])
            try append(.scatterElements(kind, axis: axis), node, reading: 3)
        default: try append(.scatterND(kind, batchAxes: 0), node, reading: 3)
        }
    }

    /// That known indices lie inside; others are read as zero where they do not.
    private func checkIndices(_ node: LoweredNode, of size: Int) throws(FormatError) {
        guard let tensor = known(try node.input(1)) else { return }
        let indices: [Int64]
        switch tensor.type {
        case .int64: indices = tensor.int64s
        case .int32: indices = tensor.int32s.map(Int64.init)
        default: return
        }
        for index in indices where !(Int64(-size)..<Int64(size)).contains(index) {
            throw unfit(node, "index \(index) into \(size)")
        }
    }
}
