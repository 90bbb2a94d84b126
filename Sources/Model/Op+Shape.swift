import Compute

extension Op {
    /// The type of the result, or why the operands do not fit.
    ///
    /// - Parameters:
    ///   - operands: the types of the operands, in the order ``Op`` names them.
    ///   - parameters: what `.parameter` refers into.
    /// - Returns: the element type and shape of what the op computes.
    /// - Throws: ``ShapeError`` when sizes do not fit.
    func infer(_ operands: [ValueType], parameters: [Parameter]) throws(ShapeError) -> ValueType {
        switch self {
        case .input:
            throw .unsuitable(operation: "input", .scalar, reason: "is declared, not inferred")
        case .parameter(let index):
            return ValueType(parameters[index].tensor)
        case .constant(let tensor):
            return ValueType(tensor)
        case .matMul(let transposeLeft, let transposeRight):
            return .float(try Self.matMulShape(operands.map(\.shape), transposeLeft, transposeRight))
        case .convolution(let window, let groups):
            return .float(try Self.convolutionShape(operands.map(\.shape), window, groups: groups))
        case .binary:
            return ValueType(operands[0].element, try operands[0].shape.broadcast(with: operands[1].shape))
        case .unary, .softmax:
            return operands[0]
        case .prelu:
            guard try operands[0].shape.broadcast(with: operands[1].shape) == operands[0].shape else {
                throw .mismatch(operation: "PRelu", operands[0].shape, operands[1].shape)
            }
            return operands[0]
        case .batchNorm:
            let shape = operands[0].shape
            guard shape.rank >= 2 else {
                throw .unsuitable(operation: "BatchNormalization", shape, reason: "has no channel axis")
            }
            for statistic in operands.dropFirst() where statistic.shape.dimensions != [shape[1]] {
                throw .mismatch(operation: "BatchNormalization", shape, statistic.shape)
            }
            return operands[0]
        case .cast(let element):
            return ValueType(element, operands[0].shape)
        case .reduce(_, let axes, let keepsAxes):
            return ValueType(operands[0].element, try operands[0].shape.reduced(axes, keepsAxes: keepsAxes))
        case .maxPool(let window), .averagePool(let window, _):
            return .float(try Self.poolShape(operands[0].shape, window))
        case .reshape(let shape):
            guard shape.elementCount == operands[0].shape.elementCount else {
                throw .mismatch(operation: "Reshape", operands[0].shape, shape)
            }
            return ValueType(operands[0].element, shape)
        case .transpose(let permutation):
            let shape = operands[0].shape
            guard permutation.sorted() == Array(0..<shape.rank) else {
                throw .unsuitable(operation: "Transpose", shape, reason: "cannot be permuted by \(permutation)")
            }
            return ValueType(operands[0].element, try Shape(permutation.map { shape[$0] }))
        case .concat(let axis):
            return ValueType(operands[0].element, try Self.concatShape(operands.map(\.shape), axis: axis))
        case .slice(let axis, let start, let count):
            var sizes = operands[0].shape.dimensions
            guard sizes.indices.contains(axis), start >= 0, count >= 0, start <= sizes[axis] - count else {
                throw .unsuitable(
                    operation: "Slice", operands[0].shape, reason: "has no \(count) from \(start) on axis \(axis)")
            }
            sizes[axis] = count
            return ValueType(operands[0].element, try Shape(sizes))
        case .broadcast(let shape):
            guard try operands[0].shape.broadcast(with: shape) == shape else {
                throw .mismatch(operation: "Expand", operands[0].shape, shape)
            }
            return ValueType(operands[0].element, shape)
        case .crossEntropy:
            guard operands[0].shape.dimensions.dropLast() == operands[1].shape.dimensions[...] else {
                throw .mismatch(operation: "cross-entropy", operands[0].shape, operands[1].shape)
            }
            return .float(.scalar)
        case .distillation, .binaryCrossEntropy, .meanSquare:
            guard operands[0].shape == operands[1].shape else {
                throw .mismatch(operation: "loss", operands[0].shape, operands[1].shape)
            }
            return .float(.scalar)
        case .unaryGradient, .preluGradient, .softmaxGradient, .maxPoolGradient, .crossEntropyGradient,
            .binaryCrossEntropyGradient, .meanSquareGradient:
            return operands[0]
        case .preluSlopeGradient, .distillationGradient:
            return operands[1]
        case .convolutionDataGradient(_, _, let shape), .convolutionWeightGradient(_, _, let shape),
            .averagePoolGradient(_, _, let shape), .padSlice(_, _, let shape):
            return .float(shape)
        }
    }

    private static func matMulShape(
        _ shapes: [Shape], _ transposeLeft: Bool, _ transposeRight: Bool
    ) throws(ShapeError) -> Shape {
        let (left, right) = (shapes[0], shapes[1])
        guard left.rank >= 2, right.rank >= 2 else { throw .mismatch(operation: "MatMul", left, right) }
        let (rows, inner) = left.matrix(transposed: transposeLeft)
        let (otherInner, columns) = right.matrix(transposed: transposeRight)
        guard inner == otherInner else { throw .mismatch(operation: "MatMul", left, right) }
        if shapes.count > 2, shapes[2].dimensions != [columns] {
            throw .mismatch(operation: "MatMul bias", right, shapes[2])
        }
        let batch = try Shape(Array(left.dimensions.dropLast(2))).broadcast(
            with: Shape(Array(right.dimensions.dropLast(2))))
        return try Shape(batch.dimensions + [rows, columns])
    }

    private static func convolutionShape(
        _ shapes: [Shape], _ window: Window, groups: Int
    ) throws(ShapeError) -> Shape {
        let (x, weight) = (shapes[0], shapes[1])
        guard x.rank >= 3, weight.rank == x.rank, groups > 0, x[1] / groups == weight[1], x[1] % groups == 0,
            weight[0] % groups == 0,
            Array(weight.dimensions.dropFirst(2)) == window.kernel
        else { throw .mismatch(operation: "Conv", x, weight) }
        if shapes.count > 2, shapes[2].dimensions != [weight[0]] {
            throw .mismatch(operation: "Conv bias", weight, shapes[2])
        }
        return try Shape([x[0], weight[0]] + slide(window, over: x))
    }

    private static func poolShape(_ x: Shape, _ window: Window) throws(ShapeError) -> Shape {
        guard x.rank >= 3 else { throw .unsuitable(operation: "Pool", x, reason: "has no spatial axis") }
        return try Shape([x[0], x[1]] + slide(window, over: x))
    }

    /// How often the window fits on each spatial axis.
    private static func slide(_ window: Window, over x: Shape) throws(ShapeError) -> [Int] {
        guard window.kernel.count == x.rank - 2 else {
            throw .unsuitable(operation: "window", x, reason: "has not the \(window.kernel.count) axes of the kernel")
        }
        var sizes: [Int] = []
        for axis in window.kernel.indices {
            let reach = window.dilations[axis] * (window.kernel[axis] - 1) + 1
            let room = x[axis + 2] + window.padsBegin[axis] + window.padsEnd[axis] - reach
            guard room >= 0, window.strides[axis] > 0 else {
                throw .unsuitable(operation: "window", x, reason: "is smaller than a kernel of \(window.kernel)")
            }
            let (whole, over) = room.quotientAndRemainder(dividingBy: window.strides[axis])
            let hangs =
                window.roundsUp && over > 0
                && (whole + 1) * window.strides[axis] < x[axis + 2] + window.padsBegin[axis]
            sizes.append(whole + (hangs ? 2 : 1))
        }
        return sizes
    }

    private static func concatShape(_ shapes: [Shape], axis: Int) throws(ShapeError) -> Shape {
        var sizes = shapes[0].dimensions
        guard sizes.indices.contains(axis) else {
            throw .unsuitable(operation: "Concat", shapes[0], reason: "has no axis \(axis)")
        }
        for shape in shapes.dropFirst() {
            var (one, other) = (shapes[0].dimensions, shape.dimensions)
            guard one.count == other.count else { throw .mismatch(operation: "Concat", shapes[0], shape) }
            (one[axis], other[axis]) = (0, 0)
            guard one == other else { throw .mismatch(operation: "Concat", shapes[0], shape) }
            let (sum, overflow) = sizes[axis].addingReportingOverflow(shape[axis])
            guard !overflow else { throw .mismatch(operation: "Concat", shapes[0], shape) }
            sizes[axis] = sum
        }
        return try Shape(sizes)
    }
}

extension Shape {
    /// The last two sizes, as the rows and columns of a matrix.
    func matrix(transposed: Bool) -> (rows: Int, columns: Int) {
        let (rows, columns) = (self[rank - 2], self[rank - 1])
        return transposed ? (columns, rows) : (rows, columns)
    }

    func reduced(_ axes: [Int], keepsAxes: Bool) throws(ShapeError) -> Shape {
        var sizes: [Int] = []
        for axis in dimensions.indices {
            if !axes.contains(axis) { sizes.append(self[axis]) } else if keepsAxes { sizes.append(1) }
        }
        guard axes.allSatisfy(dimensions.indices.contains) else {
            throw .unsuitable(operation: "reduce", self, reason: "has not all the axes \(axes)")
        }
        return try Shape(sizes)
    }
}
