import CLAPACK

extension Matrix {
    /// The eigenvectors of the largest eigenvalues of a symmetric matrix, as columns, the largest first.
    ///
    /// - Parameter count: the number of eigenvectors, at most that of rows.
    /// - Returns: `[n, count]`; the component of largest size of each is positive, so that the signs are determined.
    /// - Throws: ``ComputeError/singular(column:)`` when the iteration does not converge, for numbers that are none.
    /// - Complexity: about 9·n³ floating-point operations, by LAPACK's `dsyevd`.
    package func largestEigenvectors(_ count: Int) throws(ComputeError) -> Matrix {
        precondition(rows == columns && count <= rows, "a symmetric matrix has as many eigenvectors as rows")
        guard rows > 0, count > 0 else { return Matrix(rows: rows, columns: count) }
        var vectors = values
        var eigenvalues = [Double](repeating: 0, count: rows)
        var (job, uplo) = (CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "L")))
        var (size, status) = (Int32(rows), Int32(0))
        var workCount = Int32(1 + 6 * rows + 2 * rows * rows)
        var integerCount = Int32(3 + 5 * rows)
        var work = [Double](repeating: 0, count: Int(workCount))
        var integers = [Int32](repeating: 0, count: Int(integerCount))
        // SAFETY: the arrays have the sizes that dsyevd documents for eigenvectors of `rows` rows; all are ours alone.
        withThreads(worth: 9 * rows * rows * rows) {
            unsafe dsyevd_(
                &job, &uplo, &size, &vectors, &size, &eigenvalues, &work, &workCount, &integers, &integerCount, &status)
        }
        guard status == 0 else { throw .singular(column: max(0, Int(status) - 1)) }
        var result = Matrix(rows: rows, columns: count)
        for place in 0..<count {
            // Column-major and ascending: the vector of the largest eigenvalue is the last run of numbers.
            let start = (rows - 1 - place) * rows
            var largest = 0.0
            for row in 0..<rows where abs(vectors[start + row]) > abs(largest) { largest = vectors[start + row] }
            for row in 0..<rows { result[row, place] = largest < 0 ? -vectors[start + row] : vectors[start + row] }
        }
        return result
    }
}
