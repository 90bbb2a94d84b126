import CLAPACK

extension Matrix {
    /// - Parameter other: `[columns, n]`
    /// - Returns: `[rows, n]`
    package func multiplied(by other: Matrix) -> Matrix {
        precondition(columns == other.rows, "[\(rows), \(columns)] by [\(other.rows), \(other.columns)]")
        var result = Matrix(rows: rows, columns: other.columns)
        guard !result.values.isEmpty, columns > 0 else { return result }
        withThreads(worth: 2 * rows * columns * other.columns) {
            // SAFETY: the three hold rows·columns, columns·n and rows·n numbers (Matrix.init).
            unsafe cblas_dgemm(
                Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasNoTrans), Int32(rows),
                Int32(other.columns), Int32(columns), 1, values, Int32(columns), other.values, Int32(other.columns), 0,
                &result.values, Int32(other.columns))
        }
        return result
    }

    /// Subtracts the product of `left`, `[rows, n]`, and `right`, `[n, columns]`, in place.
    ///
    /// - Complexity: 2·rows·columns·n floating-point operations, by `cblas_dgemm`.
    package mutating func subtractProduct(_ left: Matrix, _ right: Matrix) {
        precondition(
            left.columns == right.rows && left.rows == rows && right.columns == columns,
            "[\(left.rows), \(left.columns)] by [\(right.rows), \(right.columns)] from [\(rows), \(columns)]")
        guard !values.isEmpty, left.columns > 0 else { return }
        withThreads(worth: 2 * rows * columns * left.columns) {
            // SAFETY: the three hold rows·n, n·columns and rows·columns numbers (Matrix.init).
            unsafe cblas_dgemm(
                Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasNoTrans), Int32(rows), Int32(columns),
                Int32(left.columns), -1, left.values, Int32(left.columns), right.values, Int32(columns), 1,
                &values, Int32(columns))
        }
    }

    /// Copies what is right of the diagonal of a square matrix to its mirror place.
    mutating func mirrorUpperTriangle() {
        precondition(rows == columns, "a square matrix")
        // Square tiles: a whole column would touch a line of the cache for each element.
        let tile = 32
        for top in stride(from: 0, to: rows, by: tile) {
            for left in stride(from: 0, through: top, by: tile) {
                for row in top..<min(top + tile, rows) {
                    for column in left..<max(left, min(left + tile, row)) {
                        values[row * columns + column] = values[column * columns + row]
                    }
                }
            }
        }
    }
}
