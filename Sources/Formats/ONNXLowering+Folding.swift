import Compute
import Model

extension ONNXLowering {
    /// Shape arithmetic: computes a node now if its operands are known and small, as exporters write it around `Reshape`.
    ///
    /// - Returns: whether the node is done with.
    mutating func fold(_ node: LoweredNode) throws(FormatError) -> Bool {
        guard let result = try folded(node) else { return false }
        let name = try node.output()
        values[name] = .known(result, name: name)
        return true
    }

    /// Shapes have few elements; anything longer is data.
    private static let foldedElementLimit = 4096

    private func folded(_ node: LoweredNode) throws(FormatError) -> Tensor? {
        switch node.opType {
        case "Shape":
            let sizes = try shape(node, 0).dimensions
            let range = Self.sliced(from: node.int("start") ?? 0, to: node.int("end") ?? .max, of: sizes.count)
            return try node.tensor(sizes[range].map(Int64.init), [range.count])
        case "ConstantOfShape":
            return try filled(node)
        case "Cast":
            guard let operand = sizes(node, 0), node.int("to") == 7 else { return nil }
            return operand
        case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
            guard let operand = sizes(node, 0) else { return nil }
            let shape = try reshaped(node)
            guard shape.elementCount == operand.shape.elementCount, shape.rank <= 12 else {
                throw unfit(node, "a value of shape \(operand.shape) cannot become \(shape)")
            }
            return operand.reshaped(shape)
        case "Concat":
            var joined: [Int64] = []
            for position in node.inputs.indices {
                guard let operand = sizes(node, position), operand.shape.rank == 1 else { return nil }
                joined += operand.int64s
            }
            guard joined.count <= Self.foldedElementLimit else { return nil }
            return try node.tensor(joined, [joined.count])
        case "Gather":
            guard let operand = sizes(node, 0), let places = sizes(node, 1), operand.shape.rank == 1 else { return nil }
            return try node.tensor(try picked(operand.int64s, places.int64s, node), places.shape.dimensions)
        case "Slice":
            guard let operand = sizes(node, 0), operand.shape.rank == 1, let starts = sizes(node, 1)?.int64s,
                let ends = sizes(node, 2)?.int64s, starts.count == 1, ends.count == 1,
                !node.hasInput(4) || sizes(node, 4)?.int64s == [1]
            else { return nil }
            let range = Self.sliced(from: Int(starts[0]), to: Int(ends[0]), of: operand.shape.elementCount)
            return try node.tensor(Array(operand.int64s[range]), [range.count])
        case "Add", "Sub", "Mul", "Div":
            return try elementwise(node)
        default: return nil
        }
    }

    /// An operand that is known and looks like sizes.
    private func sizes(_ node: LoweredNode, _ position: Int) -> Tensor? {
        guard node.hasInput(position), let tensor = known(node.inputs[position]), tensor.type == .int64,
            tensor.shape.elementCount <= Self.foldedElementLimit
        else { return nil }
        return tensor
    }

    private func filled(_ node: LoweredNode) throws(FormatError) -> Tensor? {
        let fill = try node.fillValue()
        guard let sizes = sizes(node, 0), fill.type == .int64, let value = fill.int64s.first else { return nil }
        let shape = try shaped(node) { () throws(ShapeError) in try Shape(sizes.int64s.map(Int.init)) }
        guard shape.elementCount <= Self.foldedElementLimit, shape.rank <= 12 else { return nil }
        return try node.tensor([Int64](repeating: value, count: shape.elementCount), shape.dimensions)
    }

    private func picked(_ values: [Int64], _ places: [Int64], _ node: LoweredNode) throws(FormatError) -> [Int64] {
        var picked: [Int64] = []
        for place in places {
            let index = place < 0 ? Int(place) + values.count : Int(place)
            guard values.indices.contains(index) else { throw unfit(node, "index \(place) into \(values.count) sizes") }
            picked.append(values[index])
        }
        return picked
    }

    private func elementwise(_ node: LoweredNode) throws(FormatError) -> Tensor? {
        guard let left = sizes(node, 0), let right = sizes(node, 1), left.shape.rank <= 1, right.shape.rank <= 1 else {
            return nil
        }
        let shape = try shaped(node) { () throws(ShapeError) in try left.shape.broadcast(with: right.shape) }
        let (lefts, rights) = (left.int64s, right.int64s)
        var results: [Int64] = []
        for index in 0..<shape.elementCount {
            let (a, b) = (lefts[lefts.count == 1 ? 0 : index], rights[rights.count == 1 ? 0 : index])
            let (value, overflow) =
                switch node.opType {
                case "Add": a.addingReportingOverflow(b)
                case "Sub": a.subtractingReportingOverflow(b)
                case "Mul": a.multipliedReportingOverflow(by: b)
                // Reports a division by zero, too.
                default: a.dividedReportingOverflow(by: b)
                }
            guard !overflow else { throw unfit(node, "\(a) and \(b) have no such result") }
            results.append(value)
        }
        return try node.tensor(results, shape.dimensions)
    }
}
