import Compute

// Backward rules of ops along axes and by indices.
extension Graph {
    /// The gradient of a reduction `y` with respect to its operand.
    mutating func reduceDerivative(
        _ kind: ReduceKind, _ axes: [Int], _ y: ValueID, _ dy: ValueID
    ) throws(ModelError) -> ValueID {
        let x = self[y].operands[0]
        let kept = Shape(shape(x), keeping: axes)
        let (y, dy) = (try append(.reshape(kept), [y]), try append(.reshape(kept), [dy]))
        switch kind {
        case .sum: return try append(.broadcast(shape(x)), [dy])
        case .mean:
            let share = try appendConstant(Float(kept.elementCount) / Float(max(shape(x).elementCount, 1)))
            return try append(.broadcast(shape(x)), [try append(.binary(.multiply), [dy, share])])
        case .maximum, .minimum:
            // Equal extremes share the gradient equally.
            let isExtreme = try append(.compare(.equal), [x, y])
            let marks = try append(.cast(.float32), [isExtreme])
            let count = try append(.reduce(.sum, axes: axes, keepsAxes: true), [marks])
            return try append(.binary(.multiply), [marks, try append(.binary(.divide), [dy, count])])
        case .product: return try append(.productGradient(axes: axes), [x, dy])
        case .sumSquare:
            let twice = try append(.binary(.multiply), [dy, try appendConstant(2)])
            return try append(.binary(.multiply), [x, twice])
        case .l1: return try append(.binary(.multiply), [try append(.unary(.sign), [x]), dy])
        case .l2:
            // If the norm is zero, all elements are, and so are their gradients: the quotient is finite.
            let norm = try append(.binary(.maximum), [y, try appendConstant(1e-30)])
            return try append(.binary(.multiply), [x, try append(.binary(.divide), [dy, norm])])
        case .logSum:
            let sum = try append(.unary(.exp), [y])
            return try append(.broadcast(shape(x)), [try append(.binary(.divide), [dy, sum])])
        case .logSumExp:
            let share = try append(.unary(.exp), [try append(.binary(.subtract), [x, y])])
            return try append(.binary(.multiply), [share, dy])
        }
    }

    /// The gradients of a padding with respect to `x` and to the padding value.
    mutating func padDerivatives(
        _ kind: PadKind, _ before: [Int], _ after: [Int], _ operands: [ValueID], _ dy: ValueID, _ isWanted: [Bool]
    ) throws(ModelError) -> [ValueID?] {
        // Counts are far below the limit of `Int`: they can be negated and added to a size.
        let crop = Op.pad(.constant, before: before.map { -$0 }, after: after.map { -$0 })
        var result = [ValueID?](repeating: nil, count: operands.count)
        if isWanted[0] {
            let op = kind == .constant ? crop : .padGradient(kind, before: before, after: after, shape(operands[0]))
            result[0] = try append(op, [dy])
        }
        if isWanted.count > 1, isWanted[1], kind == .constant {
            let axes = Array(shape(dy).dimensions.indices)
            let all = try append(.reduce(.sum, axes: axes, keepsAxes: false), [dy])
            let inside = try append(.reduce(.sum, axes: axes, keepsAxes: false), [try append(crop, [dy])])
            let around = try append(.binary(.subtract), [all, inside])
            result[1] = try append(.reshape(shape(operands[1])), [around])
        }
        return result
    }

    /// The gradients of ops that gather or scatter by indices.
    mutating func indexedDerivatives(
        of value: ValueID, _ dy: ValueID, _ isWanted: [Bool]
    ) throws(ModelError) -> [ValueID?] {
        let operands = self[value].operands
        let (x, indices) = (operands[0], operands[1])
        var result = [ValueID?](repeating: nil, count: operands.count)
        switch self[value].op {
        case .gather(let axis):
            result[0] = try append(.gatherGradient(axis: axis, shape(x)), [indices, dy])
        case .gatherElements(let axis):
            result[0] = try append(.scatterElements(.add, axis: axis), [try zeros(shape(x)), indices, dy])
        case .gatherND(let batchAxes):
            result[0] = try append(.scatterND(.add, batchAxes: batchAxes), [try zeros(shape(x)), indices, dy])
        case .scatterElements(let kind, let axis):
            if isWanted[0] {
                result[0] =
                    try kind == .add
                    ? dy
                    : append(.scatterElements(.replace, axis: axis), [dy, indices, zeros(shape(operands[2]))])
            }
            if isWanted[2] { result[2] = try append(.gatherElements(axis: axis), [dy, indices]) }
            try requireDerivative(of: kind, at: value)
        case .scatterND(let kind, let batchAxes):
            if isWanted[0] {
                result[0] =
                    try kind == .add
                    ? dy
                    : append(.scatterND(.replace, batchAxes: batchAxes), [dy, indices, zeros(shape(operands[2]))])
            }
            if isWanted[2] { result[2] = try append(.gatherND(batchAxes: batchAxes), [dy, indices]) }
            try requireDerivative(of: kind, at: value)
        default:
            preconditionFailure("the others need no indices")
        }
        return result
    }

    private func requireDerivative(of kind: ScatterKind, at value: ValueID) throws(ModelError) {
        guard kind != .replace, kind != .add else { return }
        throw .noDerivative(value: self[value].name, reason: "it scatters by \(kind.rawValue)")
    }

    private mutating func zeros(_ shape: Shape) throws(ModelError) -> ValueID {
        try append(.broadcast(shape), [try appendConstant(0)])
    }
}
