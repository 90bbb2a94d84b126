import CLAPACK

// N samples, D features, E targets.
extension Matrix {
    /// The number of rows widened to Float64 at once: only they and the result take memory.
    private static let blockRows = 512

    /// Adds `xT x`. This matrix is `[D, D]` and stays symmetric.
    ///
    /// - `x`: `[N, D]` of float32
    /// - Throws: ``ComputeError/memory(_:)`` when `x` is mapped at a misaligned address and there is no memory for a
    ///   copy, or no memory for tiles.
    /// - Complexity: N·D² floating-point operations, by `cblas_dsyrk` or ``MomentTiles``.
    package mutating func accumulateGram(of x: Tensor) throws(ComputeError) {
        let (N, D) = try Self.sizes(x)
        precondition(rows == D && columns == D, "a Gram matrix of \(D) features is [\(D), \(D)]")
        guard N > 0, D > 0 else { return }
        let source = try unsafe x.source()
        defer {
            mirrorUpperTriangle()
            withExtendedLifetime(x) {}
        }
        if MomentTiles.pay(N, D, D) {
            // SAFETY: `source` holds N·D numbers.
            return try unsafe MomentTiles(rows: N, left: source, D, right: source, D).add(to: &values, isGram: true)
        }
        var block = [Double](repeating: 0, count: min(N, Self.blockRows) * D)
        for start in stride(from: 0, to: N, by: Self.blockRows) {
            let count = min(Self.blockRows, N - start)
            // SAFETY: rows `start..<start + count` lie inside `x`.
            unsafe Self.widen(source + start * D, count * D, into: &block)
            withThreads(worth: count * D * D) {
                // SAFETY: `block` holds count·D and `values` D·D numbers.
                unsafe cblas_dsyrk(
                    Int32(CblasRowMajor), Int32(CblasUpper), Int32(CblasTrans), Int32(D),
                    Int32(count), 1, block, Int32(D), 1, &values, Int32(D))
            }
        }
    }

    /// Adds `xT y`. This matrix is `[D, E]`.
    ///
    /// - `x`: `[N, D]` of float32
    /// - `y`: `[N, E]` of float32
    /// - Throws: ``ComputeError/shape(_:)`` unless both have as many rows; ``ComputeError/memory(_:)`` as in
    ///   ``accumulateGram(of:)``.
    /// - Complexity: 2·N·D·E floating-point operations, by `cblas_dgemm` or ``MomentTiles``.
    package mutating func accumulateProduct(_ x: Tensor, _ y: Tensor) throws(ComputeError) {
        let (N, D) = try Self.sizes(x)
        let (samples, E) = try Self.sizes(y)
        guard samples == N else { throw .shape(.mismatch(operation: "moments", x.shape, y.shape)) }
        precondition(rows == D && columns == E, "the product of \(x.shape) and \(y.shape) is [\(D), \(E)]")
        guard N > 0, D > 0, E > 0 else { return }
        let (left, right) = try unsafe (x.source(), y.source())
        defer { withExtendedLifetime((x, y)) {} }
        if MomentTiles.pay(N, D, E) {
            // SAFETY: the two hold N·D and N·E numbers.
            return try unsafe MomentTiles(rows: N, left: left, D, right: right, E).add(to: &values, isGram: false)
        }
        var leftBlock = [Double](repeating: 0, count: min(N, Self.blockRows) * D)
        var rightBlock = [Double](repeating: 0, count: min(N, Self.blockRows) * E)
        for start in stride(from: 0, to: N, by: Self.blockRows) {
            let count = min(Self.blockRows, N - start)
            // SAFETY: rows `start..<start + count` lie inside `x` and `y`.
            unsafe Self.widen(left + start * D, count * D, into: &leftBlock)
            unsafe Self.widen(right + start * E, count * E, into: &rightBlock)
            withThreads(worth: 2 * count * D * E) {
                // SAFETY: the blocks hold count·D and count·E and `values` D·E numbers.
                unsafe cblas_dgemm(
                    Int32(CblasRowMajor), Int32(CblasTrans), Int32(CblasNoTrans), Int32(D),
                    Int32(E), Int32(count), 1, leftBlock, Int32(D), rightBlock, Int32(E), 1, &values, Int32(E))
            }
        }
    }

    /// Adds the sum of the rows of `x`, `[N, D]` of float32, to `sums`, `[D]`.
    ///
    /// - Throws: ``ComputeError/memory(_:)`` as in ``accumulateGram(of:)``.
    package static func accumulateColumnSums(of x: Tensor, into sums: inout [Double]) throws(ComputeError) {
        let (N, D) = try sizes(x)
        precondition(sums.count == D, "there is a sum for each of \(D) features")
        let source = try unsafe x.source()
        unsafe sums.withUnsafeMutableBufferPointer { sums in
            for row in 0..<N {
                // SAFETY: `x` holds N·D elements and `sums` D.
                for column in 0..<D { unsafe sums[column] += Double(source[row * D + column]) }
            }
        }
        withExtendedLifetime(x) {}
    }

    /// The sum of the squares of all elements of `x`, `[N, D]` of float32.
    ///
    /// - Throws: ``ComputeError/memory(_:)`` as in ``accumulateGram(of:)``.
    package static func sumOfSquares(of x: Tensor) throws(ComputeError) -> Double {
        let (N, D) = try sizes(x)
        let source = try unsafe x.source()
        // Several independent sums: the additions to a single one would wait for each other.
        var sums = SIMD8<Double>(repeating: 0)
        let whole = N * D / 8 * 8
        for start in stride(from: 0, to: whole, by: 8) {
            var values = SIMD8<Float>()
            // SAFETY: `x` holds N·D elements.
            for lane in 0..<8 { unsafe values[lane] = source[start + lane] }
            let wide = SIMD8<Double>(values)
            sums += wide * wide
        }
        var total = sums.sum()
        for index in whole..<(N * D) { unsafe total += Double(source[index]) * Double(source[index]) }
        withExtendedLifetime(x) {}
        return total
    }

    private static func sizes(_ x: Tensor) throws(ComputeError) -> (Int, Int) {
        guard x.shape.rank == 2 else {
            throw .shape(.unsuitable(operation: "moments", x.shape, reason: "is not samples by features"))
        }
        return (x.shape[0], x.shape[1])
    }

    private static func widen(_ source: UnsafeMutablePointer<Float>, _ count: Int, into block: inout [Double]) {
        unsafe block.withUnsafeMutableBufferPointer { block in
            for index in 0..<count { unsafe block[index] = Double(source[index]) }
        }
    }
}

extension Tensor {
    /// The rows of this tensor, `[N, D]` of float32, each less `row`, `[D]`.
    ///
    /// - Throws: ``ComputeError/memory(_:)`` when there is no memory for them.
    package func minus(row: [Float]) throws(ComputeError) -> Tensor {
        let (result, subtracted) = try (Tensor.scratch(shape), Tensor.scratch(.of([row.count])))
        subtracted.copy(from: row)
        try Step.binary(.subtract, self, subtracted, into: result).run()
        return result
    }
}
