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
            let shape = try shape(node, 0)
            try checkIndices(node, of: shape[axis])
            if let index = try onlyIndex(node, of: shape[axis]) {
                return try part(at: index, on: axis, of: shape, node)
            }
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

    /// What one known index picks is a part that lies there already, and need not be fetched.
    private mutating func part(at index: Int, on axis: Int, of shape: Shape, _ node: LoweredNode) throws(FormatError) {
        let part = try emit(.slice(axis: axis, start: index, count: 1), [try operand(node, 0)], node)
        let sizes = shape.dimensions[..<axis] + (try self.shape(node, 1)).dimensions + shape.dimensions[(axis + 1)...]
        try finish(try reshape(Array(sizes), node), [part], node)
    }

    /// The index of a node that has just one, which is known: counted from the start.
    private func onlyIndex(_ node: LoweredNode, of size: Int) throws(FormatError) -> Int? {
        guard let indices = try knownIndices(node), indices.count == 1 else { return nil }
        return Int(indices[0]) + (indices[0] < 0 ? size : 0)
    }

    /// That known indices lie inside; others are read as zero where they do not.
    private func checkIndices(_ node: LoweredNode, of size: Int) throws(FormatError) {
        for index in try knownIndices(node) ?? [] where !(Int64(-size)..<Int64(size)).contains(index) {
            throw unfit(node, "index \(index) into \(size)")
        }
    }

    private func knownIndices(_ node: LoweredNode) throws(FormatError) -> [Int64]? {
        guard let tensor = known(try node.input(1)) else { return nil }
        return switch tensor.type {
        case .int64: tensor.int64s
        case .int32: tensor.int32s.map(Int64.init)
        case .float32, .bool: nil
        }
    }
}
