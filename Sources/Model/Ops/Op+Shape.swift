import Compute

extension Op {
    /// Infers the type of the result.
    ///
    /// - Parameters:
    ///   - operands: the types of the operands, in the order that ``Op`` lists them.
    ///   - parameters: the parameters that `.parameter` refers to.
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
        case .fusedMatMul(let transposeLeft, let transposeRight, let epilogue):
            let shapes = operands.map(\.shape)
            let product = shapes.dropLast(epilogue.isSummed ? 1 : 0)
            let shape = try Self.matMulShape(Array(product), transposeLeft, transposeRight)
            if epilogue.isSummed, shapes.last != shape {
                throw .mismatch(operation: "sum", shape, shapes[shapes.count - 1])
            }
            return .float(shape)
        case .attention(_, let shape):
            return .float(shape)
        case .attentionGradient(_, let parts):
            return .float(try Shape([parts.elementCount]))
        case .convolution(let window, let groups), .fusedConvolution(let window, let groups, _):
            return .float(try Self.convolutionShape(operands.map(\.shape), window, groups: groups))
        case .binary:
            return ValueType(operands[0].element, try operands[0].shape.broadcast(with: operands[1].shape))
        case .chain:
            var shape = Shape.scalar
            for operand in operands { shape = try shape.broadcast(with: operand.shape) }
            return .float(shape)
        case .compare, .logical:
            return ValueType(.bool, try operands[0].shape.broadcast(with: operands[1].shape))
        case .predicate:
            return ValueType(.bool, operands[0].shape)
        case .select:
            let shape = try operands[1].shape.broadcast(with: operands[2].shape)
            return ValueType(operands[1].element, try operands[0].shape.broadcast(with: shape))
        case .unary:
            return operands[0]
        case .softmax(let axis), .logSoftmax(let axis), .cumulativeSum(let axis, _, _):
            return try operands[0].requiring(axis: axis, for: "axis")
        case .norm(_, let axes, _):
            return try Self.normType(operands, axes: axes)
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
        case .extreme(_, let axis, let keepsAxis, _):
            let shape = try operands[0].requiring(axis: axis, for: "ArgMax").shape
            guard shape[axis] > 0 else {
                throw .unsuitable(operation: "ArgMax", shape, reason: "has nothing on axis \(axis)")
            }
            return ValueType(.int64, try shape.reduced([axis], keepsAxes: keepsAxis))
        case .resample(let resampling, let axis):
            let shape = try operands[0].requiring(axis: axis, for: "Resize").shape
            guard shape[axis] == resampling.inputCount else {
                throw .unsuitable(
                    operation: "Resize", shape, reason: "has not \(resampling.inputCount) on axis \(axis)")
            }
            return .float(try shape.replacing(axis, with: [resampling.count]))
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
        case .slice(let axis, let start, let count, let step):
            let shape = operands[0].shape
            guard shape.dimensions.indices.contains(axis),
                Shape.holds(shape[axis], count: count, from: start, step: step)
            else {
                throw .unsuitable(
                    operation: "Slice", shape, reason: "has no \(count) from \(start) by \(step) on axis \(axis)")
            }
            return ValueType(operands[0].element, try shape.replacing(axis, with: [count]))
        case .broadcast(let shape):
            guard try operands[0].shape.broadcast(with: shape) == shape else {
                throw .mismatch(operation: "Expand", operands[0].shape, shape)
            }
            return ValueType(operands[0].element, shape)
        case .pad(let kind, let before, let after):
            return ValueType(operands[0].element, try Self.padShape(operands.map(\.shape), kind, before, after))
        case .triangle:
            guard operands[0].shape.rank >= 2 else {
                throw .unsuitable(operation: "Trilu", operands[0].shape, reason: "has no matrices")
            }
            return operands[0]
        case .gather(let axis):
            let shape = try operands[0].requiring(axis: axis, for: "Gather").shape
            return ValueType(
                operands[0].element, try shape.replacing(axis, with: operands[1].shape.dimensions))
        case .gatherElements(let axis):
            try Self.checkElements(operands[0].shape, operands[1].shape, axis: axis)
            return ValueType(operands[0].element, operands[1].shape)
        case .gatherND(let batchAxes):
            let shape = try Self.partsShape(operands[0].shape, operands[1].shape, batchAxes: batchAxes)
            return ValueType(operands[0].element, shape)
        case .scatterElements(_, let axis):
            try Self.checkElements(operands[0].shape, operands[1].shape, axis: axis)
            guard operands[2].shape == operands[1].shape else {
                throw .mismatch(operation: "ScatterElements", operands[1].shape, operands[2].shape)
            }
            return operands[0]
        case .scatterND(_, let batchAxes):
            let shape = try Self.partsShape(operands[0].shape, operands[1].shape, batchAxes: batchAxes)
            guard operands[2].shape == shape else {
                throw .mismatch(operation: "ScatterND", shape, operands[2].shape)
            }
            return operands[0]
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
        case .unaryGradient, .preluGradient, .softmaxGradient, .logSoftmaxGradient, .normGradient, .productGradient,
            .maxPoolGradient, .crossEntropyGradient, .binaryCrossEntropyGradient, .meanSquareGradient:
            return operands[0]
        case .binaryGradient:
            return operands[2]
        case .normFactorsGradient(_, let axes, _):
            return .float(try Shape([2] + operands[0].shape.dimensions.suffix(axes)))
        case .resampleGradient(let resampling, let axis):
            return .float(try operands[0].shape.replacing(axis, with: [resampling.inputCount]))
        case .preluSlopeGradient, .distillationGradient:
            return operands[1]
        case .convolutionDataGradient(_, _, let shape), .convolutionWeightGradient(_, _, let shape),
            .averagePoolGradient(_, _, let shape), .padSlice(_, _, _, let shape), .padGradient(_, _, _, let shape),
            .gatherGradient(_, let shape):
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

    /// The number of positions of the window on each spatial axis.
    private static func slide(_ window: Window, over x: Shape) throws(ShapeError) -> [Int] {
        guard window.kernel.count == x.rank - 2 else {
            throw .unsuitable(
                operation: "window", x, reason: "does not have the \(window.kernel.count) axes of the kernel")
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
