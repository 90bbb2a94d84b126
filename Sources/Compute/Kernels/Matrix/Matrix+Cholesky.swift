import CLAPACK

/// Makes OpenBLAS allocate its buffers, one per thread and call, and keep them. If such an allocation fails later under
/// a memory limit, OpenBLAS ends the process or retries forever.
///
/// - Throws: ``ComputeError/memory(_:)`` when there is no memory for this function's own small matrices.
package func reserveSolverMemory() throws(ComputeError) {
    // Large enough that every routine shares its work among all threads.
    let size = 1024
    let x = try Tensor.scratch(.of([size, size]))
    var gram = Matrix(rows: size, columns: size)
    var product = gram
    try gram.accumulateGram(of: x)
    try product.accumulateProduct(x, x)
    for index in 0..<size { gram[index, index] = 1 }
    _ = try gram.choleskySolve(product)
}

extension Matrix {
    /// Solves `self * result = rightSides` for a symmetric positive definite `self`.
    ///
    /// - `rightSides`: `[n, m]`, where `self` is `[n, n]`
    /// - Returns: `[n, m]`
    /// - Throws: ``ComputeError/singular(column:)`` unless `self` is positive definite to the precision of Float64.
    /// - Complexity: n³/3 + 2·n²·m floating-point operations, by LAPACK's `dpotrf` and `dpotrs`.
    package func choleskySolve(_ rightSides: Matrix) throws(ComputeError) -> Matrix {
        precondition(rows == columns && rows == rightSides.rows, "a square matrix and as many right sides' rows")
        guard rows > 0, rightSides.columns > 0 else { return rightSides }
        var factor = values
        // LAPACK is column-major: a symmetric matrix is its own transpose, the right sides are not.
        var solution = rightSides.transposed()
        var (size, sides, status) = (Int32(rows), Int32(rightSides.columns), Int32(0))
        var uplo = CChar(UInt8(ascii: "L"))
        // SAFETY: `factor` holds n·n and `solution` n·m numbers; both are ours alone.
        withThreads(worth: rows * rows * rows / 3) { unsafe dpotrf_(&uplo, &size, &factor, &size, &status) }
        guard status == 0 else { throw .singular(column: Int(status) - 1) }
        withThreads(worth: 2 * rows * rows * rightSides.columns) {
            unsafe dpotrs_(&uplo, &size, &sides, factor, &size, &solution.values, &size, &status)
        }
        precondition(status == 0, "dpotrs has no failures of its own")
        return solution.transposed()
    }

    /// The lower triangular `L` of `self = L LT` for a symmetric positive definite `self`.
    ///
    /// The factor of the leading rows and columns is that of the leading ones of `self`.
    ///
    /// - Returns: `[n, n]`, where `self` is `[n, n]`; what is right of the diagonal is of no meaning.
    /// - Throws: ``ComputeError/singular(column:)`` unless `self` is positive definite to the precision of Float64.
    /// - Complexity: n³/3 floating-point operations, by LAPACK's `dpotrf`.
    package func choleskyFactor() throws(ComputeError) -> Matrix {
        precondition(rows == columns, "a square matrix")
        guard rows > 0 else { return self }
        var factor = self
        var (size, status) = (Int32(rows), Int32(0))
        // LAPACK is column-major: its upper triangle is our lower one.
        var uplo = CChar(UInt8(ascii: "U"))
        // SAFETY: `factor` holds n·n numbers and is ours alone.
        withThreads(worth: rows * rows * rows / 3) { unsafe dpotrf_(&uplo, &size, &factor.values, &size, &status) }
        guard status == 0 else { throw .singular(column: Int(status) - 1) }
        return factor
    }

    /// Solves `L * result = rightSides` for the leading rows and columns of a lower triangular `self`, or `LT * result`.
    ///
    /// - Parameters:
    ///   - rightSides: `[k, m]`, for at most as many rows as `self` has.
    ///   - isTransposed: whether to solve with `LT`.
    /// - Returns: `[k, m]`
    /// - Complexity: k²·m floating-point operations, by `cblas_dtrsm`.
    package func triangularSolve(_ rightSides: Matrix, isTransposed: Bool = false) -> Matrix {
        precondition(rows == columns && rightSides.rows <= rows, "at most as many right sides' rows as columns")
        var result = rightSides
        guard result.rows > 0, result.columns > 0 else { return result }
        withThreads(worth: result.rows * result.rows * result.columns) {
            // SAFETY: `values` holds n·n numbers, of which the leading k·k are read, and `result` k·m.
            unsafe cblas_dtrsm(
                Int32(CblasRowMajor), Int32(CblasLeft), Int32(CblasLower),
                Int32(isTransposed ? CblasTrans : CblasNoTrans), Int32(CblasNonUnit), Int32(result.rows),
                Int32(result.columns), 1, values, Int32(columns), &result.values, Int32(result.columns))
        }
        return result
    }

    /// The inverse of a symmetric positive definite matrix, symmetric to the last bit.
    ///
    /// - Returns: `[n, n]`, where `self` is `[n, n]`; of `self` only the part right of and on the diagonal is read.
    /// - Throws: ``ComputeError/singular(column:)`` unless `self` is positive definite to the precision of Float64.
    /// - Complexity: n³ floating-point operations, by LAPACK's `dpotrf` and `dpotri`.
    package func choleskyInverse() throws(ComputeError) -> Matrix {
        precondition(rows == columns, "a square matrix")
        guard rows > 0 else { return self }
        var inverse = self
        var (size, status) = (Int32(rows), Int32(0))
        // LAPACK is column-major: its lower triangle is our upper one.
        var uplo = CChar(UInt8(ascii: "L"))
        withThreads(worth: rows * rows * rows) {
            // SAFETY: `inverse` holds n·n numbers and is ours alone.
            unsafe dpotrf_(&uplo, &size, &inverse.values, &size, &status)
            guard status == 0 else { return }
            unsafe dpotri_(&uplo, &size, &inverse.values, &size, &status)
        }
        guard status == 0 else { throw .singular(column: Int(status) - 1) }
        inverse.mirrorUpperTriangle()
        return inverse
    }
}
