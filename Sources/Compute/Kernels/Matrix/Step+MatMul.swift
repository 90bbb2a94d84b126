import COneDNN

// M rows of the left operand, N columns of the right one, K the size they share; `...` are the leading sizes.
extension Step {
    /// The matrix product, with NumPy broadcasting of the leading sizes.
    ///
    /// - `left`: `[..., M, K]`, or `[..., K, M]` if transposed
    /// - `right`: `[..., K, N]`, or `[..., N, K]` if transposed
    /// - `bias`: `[N]`
    /// - `activation`: applied to the product with the bias; ``UnaryKind/isEpilogue`` is true for it
    /// - `other`: added last, of the shape of the result
    /// - `result`: `[..., M, N]`, in memory other than that of `other`
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func matMul(
        _ left: Tensor, transposed transposeLeft: Bool, _ right: Tensor, transposed transposeRight: Bool,
        bias: Tensor?, activation: UnaryKind? = nil, adding other: Tensor? = nil, into result: Tensor
    ) throws(ComputeError) -> Step {
        let product = try MatrixProduct(
            left: left.shape, transposeLeft, right: right.shape, transposeRight, bias: bias?.shape, result.shape)
        try other?.shape.require(result.shape, for: "matMul")
        guard result.shape.elementCount > 0 else { return Step("matMul", keeping: []) {} }
        guard product.depth > 0 else {
            guard let bias else { return try fill(result, value: 0) }
            return try broadcast(bias, into: result)
        }
        var leftLayout = try Layout.strided(product.left.sizes, strides: product.left.strides)
        var rightLayout = try Layout.strided(product.right.sizes, strides: product.right.strides)
        var resultLayout = try Layout.plain(product.resultSizes)
        var biasLayout = Layout()
        if let bias {
            let ones = [Int](repeating: 1, count: product.resultSizes.count - 1)
            biasLayout = try Layout.plain(ones + [bias.shape.elementCount])
        }
        var operation = dnnl_matmul_desc_t()
        try oneDNN("dnnl_matmul_desc_init") {
            unsafe dnnl_matmul_desc_init(&operation, &leftLayout, &rightLayout, &biasLayout, &resultLayout)
        }
        var postOps = PostOps(applying: activation)
        let otherArgument = other == nil ? nil : postOps.add(resultLayout)
        let primitive = try unsafe Primitive(PrimitiveDescription(&operation, postOps: postOps))
        try unsafe primitive.bind(DNNL_ARG_SRC_0, left.source())
        try unsafe primitive.bind(DNNL_ARG_WEIGHTS_0, right.source())
        try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
        if let bias { try unsafe primitive.bind(DNNL_ARG_BIAS, bias.source()) }
        if let other, let otherArgument { try unsafe primitive.bind(otherArgument, other.source()) }
        return Step(
            "matMul", keeping: [left, right, result] + [bias, other].compactMap { $0 },
            operations: 2 * result.shape.elementCount * product.depth, primitive.run)
    }
}

extension UnaryKind {
    /// True when a product can apply the function while it writes its result.
    package var isEpilogue: Bool { eltwise(.max) != nil }
}

/// The sizes of a product for oneDNN, with as few axes as possible.
struct MatrixProduct {
    struct Operand {
        var sizes: [Int]
        var strides: [Int]
    }

    let left: Operand
    let right: Operand
    let resultSizes: [Int]
    /// `K`
    let depth: Int

    init(
        left: Shape, _ transposeLeft: Bool, right: Shape, _ transposeRight: Bool, bias: Shape?, _ result: Shape
    ) throws(ComputeError) {
        let mismatch = ComputeError.shape(.mismatch(operation: "matMul", left, right))
        guard left.rank >= 2, right.rank >= 2 else { throw mismatch }
        var (leftBatch, rightBatch) = (Array(left.dimensions.dropLast(2)), Array(right.dimensions.dropLast(2)))
        let (leftRows, leftColumns) = (left[left.rank - 2], left[left.rank - 1])
        let (rightRows, rightColumns) = (right[right.rank - 2], right[right.rank - 1])
        var rows = transposeLeft ? leftColumns : leftRows
        let columns = transposeRight ? rightRows : rightColumns
        depth = transposeLeft ? leftRows : leftColumns
        guard depth == (transposeRight ? rightColumns : rightRows) else { throw mismatch }
        var batch = try Shape.broadcast(.of(leftBatch), .of(rightBatch)).dimensions
        try result.require(.of(batch + [rows, columns]), for: "matMul")
        if let bias { try bias.require(.of([columns]), for: "matMul bias") }
        let leftCount = leftBatch.reduce(1, *)
        if rightBatch.allSatisfy({ $0 == 1 }), !transposeLeft || leftCount == 1 {
            // One matrix on the right: all matrices on the left become one with the rows of all.
            rows *= leftCount
            (batch, leftBatch, rightBatch) = ([], [], [])
        } else if leftBatch == rightBatch {
            (batch, leftBatch, rightBatch) = ([leftCount], [leftCount], [leftCount])
        }
        let rank = batch.count
        self.left = Operand(batch: leftBatch, rank: rank, rows: rows, columns: depth, transposed: transposeLeft)
        self.right = Operand(batch: rightBatch, rank: rank, rows: depth, columns: columns, transposed: transposeRight)
        resultSizes = batch + [rows, columns]
    }
}

extension MatrixProduct.Operand {
    /// - `batch`: the leading sizes, filled up to `rank` with ones on the left
    /// - `transposed`: whether the matrix lies in memory as `[columns, rows]`
    fileprivate init(batch: [Int], rank: Int, rows: Int, columns: Int, transposed: Bool) {
        let batch = [Int](repeating: 1, count: rank - batch.count) + batch
        sizes = batch + [rows, columns]
        strides = rowMajorStrides(batch + (transposed ? [columns, rows] : [rows, columns]))
        if transposed { strides.swapAt(rank, rank + 1) }
    }
}
