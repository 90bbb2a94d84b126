/// A loop over the positions of updates or results, each with the place that its indices name; both are counted in
/// parts.
protocol PartWalk {
    /// The number of pieces that the loop can be split into.
    var pieceCount: Int { get }
    /// The number of pieces worth a thread; pieces that run in parallel never share a place.
    var grain: Int { get }
    /// Calls the body in row-major order of the positions; `place` is nil for an index out of range.
    func forEach(_ pieces: Range<Int>, _ body: (_ position: Int, _ place: Int?) -> Void)
}

/// A loop over all positions of a tensor of indices, each with the place in another tensor that differs from it on one
/// axis.
struct ElementWalk: PartWalk {
    private let loop: StridedLoop
    private let indices: Indices
    private let size: Int
    private let stride: Int
    let grain: Int

    init(_ shape: Shape, _ tensor: Tensor, axis: Int, _ operation: String) throws(ComputeError) {
        let sizes = tensor.shape.dimensions
        guard let axis = shape.axis(axis), sizes.count == shape.rank,
            sizes.indices.allSatisfy({ $0 == axis || sizes[$0] <= shape[$0] })
        else { throw .shape(.mismatch(operation: operation, shape, tensor.shape)) }
        var strides = rowMajorStrides(shape.dimensions)
        stride = strides[axis]
        size = shape[axis]
        strides[axis] = 0
        loop = StridedLoop(sizes, strides: [rowMajorStrides(sizes), strides])
        grain = axis == shape.rank - 1 ? loop.grain : .max
        indices = try Indices(tensor)
    }

    var pieceCount: Int { indices.count > 0 ? loop.rowCount : 0 }

    @inline(__always)
    func forEach(_ rows: Range<Int>, _ body: (_ position: Int, _ place: Int?) -> Void) {
        let (count, step) = (loop.row.count, loop.row.strides[1])
        loop.forEachRow(rows) { offsets in
            for index in 0..<count {
                let position = offsets[0] + index
                let place = indices.place(position, size: size)
                body(position, place.map { offsets[1] + index * step + $0 * stride })
            }
        }
    }
}

/// A loop over tuples of indices, each with the part of another tensor that it names.
struct IndexTuples: PartWalk {
    /// `[B..., I..., rest...]`
    let partSizes: [Int]
    /// The number of elements of a part.
    let partCount: Int
    private let batches: Int
    private let tuplesPerBatch: Int
    private let sizes: [Int]
    private let partsPerBatch: Int
    private let indices: Indices

    init(_ shape: Shape, _ tensor: Tensor, batchAxes: Int, _ operation: String) throws(ComputeError) {
        let mismatch = ComputeError.shape(.mismatch(operation: operation, shape, tensor.shape))
        guard batchAxes >= 0, let length = tensor.shape.dimensions.last, batchAxes < tensor.shape.rank,
            length <= shape.rank - batchAxes,
            shape.dimensions[..<batchAxes] == tensor.shape.dimensions[..<batchAxes]
        else { throw mismatch }
        let leading = Array(tensor.shape.dimensions.dropLast())
        let rest = shape.dimensions[(batchAxes + length)...]
        partSizes = leading + rest
        partCount = rest.reduce(1, *)
        batches = leading[..<batchAxes].reduce(1, *)
        tuplesPerBatch = leading[batchAxes...].reduce(1, *)
        sizes = Array(shape.dimensions[batchAxes..<(batchAxes + length)])
        partsPerBatch = sizes.reduce(1, *)
        indices = try Indices(tensor)
    }

    var pieceCount: Int { batches }
    var grain: Int { max(1, manyElements / max(1, tuplesPerBatch * partCount)) }

    @inline(__always)
    func forEach(_ batches: Range<Int>, _ body: (_ position: Int, _ place: Int?) -> Void) {
        for batch in batches {
            for tuple in 0..<tuplesPerBatch {
                let position = batch * tuplesPerBatch + tuple
                var place: Int? = 0
                for axis in 0..<sizes.count {
                    let index = indices.place(position * sizes.count + axis, size: sizes[axis])
                    if let before = place, let index { place = before * sizes[axis] + index } else { place = nil }
                }
                body(position, place.map { batch * partsPerBatch + $0 })
            }
        }
    }
}
