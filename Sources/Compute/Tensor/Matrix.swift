/// A row-major Float64 matrix, for sums over a whole data set and the systems solved from them.
package struct Matrix: Sendable, Equatable {
    package let rows: Int
    package let columns: Int
    /// `[rows, columns]`
    package var values: [Double]

    package init(rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns, values: [Double](repeating: 0, count: rows * columns))
    }

    package init(rows: Int, columns: Int, values: [Double]) {
        precondition(values.count == rows * columns, "\(values.count) values do not fill [\(rows), \(columns)]")
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    package func transposed() -> Matrix {
        var result = Matrix(rows: columns, columns: rows)
        for row in 0..<rows {
            for column in 0..<columns { result.values[column * rows + row] = values[row * columns + column] }
        }
        return result
    }
}
