import Compute
import Model

extension ONNXLowering {
    /// Shape arithmetic: computes a node now if its operands are known and small, as exporters write it around `Reshape`.
    ///
    /// - Returns: whether the node is done with.
    mutating func fold(_ node: LoweredNode) throws(FormatError) -> Bool {
        let result: (values: [Int64], sizes: [Int])?
        switch node.opType {
        case "Shape":
            let sizes = try shape(node, 0).dimensions
            let (start, end) = (node.int("start") ?? 0, node.int("end") ?? sizes.count)
            let first = min(max(start < 0 ? start + sizes.count : start, 0), sizes.count)
            let last = min(max(end < 0 ? end + sizes.count : end, first), sizes.count)
            result = (sizes[first..<last].map(Int64.init), [last - first])
        case "Gather", "Unsqueeze", "Squeeze", "Concat", "Slice", "Cast", "Add", "Sub", "Mul", "Div", "Reshape",
            "Identity":
            guard let operands = knownIntegers(node) else { return false }
            result = try arithmetic(node, operands)
        case "ConstantOfShape":
            guard let sizes = known(node.inputs.first ?? "")?.int64s, let fill = try node.integerFill() else {
                return false
            }
            let shape = try shaped(node) { () throws(ShapeError) in try Shape(sizes.map(Int.init)) }
            guard shape.elementCount <= Self.foldedElementLimit else { return false }
            result = ([Int64](repeating: fill, count: shape.elementCount), shape.dimensions)
        default: return false
        }
        guard let result else { return false }
        values[try node.output()] = .known(try node.tensor(result.values, result.sizes), name: try node.output())
        return true
    }

    /// Shapes have few elements; anything longer is data.
    private static let foldedElementLimit = 4096

    private func knownIntegers(_ node: LoweredNode) -> [Tensor]? {
        var operands: [Tensor] = []
        for name in node.inputs where !name.isEmpty {
            guard let tensor = known(name), tensor.type == .int64, tensor.shape.elementCount <= Self.foldedElementLimit
            else { return nil }
            operands.append(tensor)
        }
        return operands.isEmpty ? nil : operands
    }

    private func arithmetic(
        _ node: LoweredNode, _ operands: [Tensor]
    ) throws(FormatError) -> (values: [Int64], sizes: [Int])? {
        let first = operands[0].int64s
        let sizes = operands[0].shape.dimensions
        switch node.opType {
        case "Identity": return (first, sizes)
        case "Cast": return node.int("to") == 7 ? (first, sizes) : nil
        case "Reshape", "Unsqueeze", "Squeeze":
            let count = first.count
            return (
                first,
                node.opType == "Unsqueeze" && count == 1 && sizes.isEmpty
                    ? [1] : node.opType == "Squeeze" && count == 1 ? [] : [count]
            )
        case "Concat": return (operands.flatMap(\.int64s), [operands.reduce(0) { $0 + $1.shape.elementCount }])
        case "Gather":
            guard sizes.count == 1, operands.count == 2 else { return nil }
            var picked: [Int64] = []
            for index in operands[1].int64s {
                let place = Int(index) < 0 ? Int(index) + first.count : Int(index)
                guard first.indices.contains(place) else {
                    throw .invalidONNX("node \(node.description): index \(index) into \(first.count) sizes")
                }
                picked.append(first[place])
            }
            return (picked, operands[1].shape.dimensions)
        case "Slice":
            guard sizes.count == 1, operands.count >= 3, operands.count < 5 || operands[4].int64s == [1],
                let start = operands[1].int64s.first, let end = operands[2].int64s.first
            else { return nil }
            let low = min(max(start < 0 ? Int(start) + first.count : Int(start), 0), first.count)
            let high = min(max(end < 0 ? Int(end) + first.count : Int(clamping: end), low), first.count)
            return (Array(first[low..<high]), [high - low])
        default:
            return try elementwise(node, operands)
        }
    }
    private func elementwise(
        _ node: LoweredNode, _ operands: [Tensor]
    ) throws(FormatError) -> (values: [Int64], sizes: [Int])? {
        guard operands.count == 2 else { return nil }
        let (left, right) = (operands[0].int64s, operands[1].int64s)
        guard left.count == right.count || left.count == 1 || right.count == 1 else { return nil }
        var result: [Int64] = []
        for index in 0..<max(left.count, right.count) {
            let (a, b) = (left[left.count == 1 ? 0 : index], right[right.count == 1 ? 0 : index])
            let (value, overflow) =
                switch node.opType {
                case "Add": a.addingReportingOverflow(b)
                case "Sub": a.subtractingReportingOverflow(b)
                case "Mul": a.multipliedReportingOverflow(by: b)
                default: a.dividedReportingOverflow(by: b)
                }
            guard !overflow else { throw .invalidONNX("node \(node.description): its sizes overflow") }
            result.append(value)
        }
        return (result, left.count >= right.count ? operands[0].shape.dimensions : operands[1].shape.dimensions)
    }
}
