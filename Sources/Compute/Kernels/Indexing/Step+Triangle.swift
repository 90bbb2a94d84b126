import Glibc

extension Step {
    /// The upper or lower triangle of each matrix in the last two axes, with zeros elsewhere; any element type.
    ///
    /// - `diagonal`: the diagonal that bounds the triangle and belongs to it, counted upwards from the main diagonal
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal and have two axes.
    package static func triangle(
        _ x: Tensor, isUpper: Bool, diagonal: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "a triangle keeps the type")
        try result.shape.require(x.shape, for: "triangle")
        guard x.shape.rank >= 2 else {
            throw .shape(.unsuitable(operation: "triangle", x.shape, reason: "has no matrices"))
        }
        let (rows, columns) = (x.shape[x.shape.rank - 2], x.shape[x.shape.rank - 1])
        let matrices = rows * columns == 0 ? 0 : x.shape.elementCount / (rows * columns)
        let (from, to, width) = unsafe (x.readableBytes, result.writableBytes, x.type.byteCount)
        // All diagonals beyond the matrix are equivalent.
        let diagonal = min(max(diagonal, -rows - 1), columns + 1)
        return Step("triangle", keeping: [x, result]) {
            for matrix in 0..<matrices {
                for row in 0..<rows {
                    // SAFETY: both hold `matrices * rows` rows of `columns`, and the border lies between 0 and
                    // `columns`.
                    let start = (matrix * rows + row) * columns * width
                    let (a, y) = unsafe (from + start, to + start)
                    let border = min(max(row + diagonal + (isUpper ? 0 : 1), 0), columns) * width
                    let whole = columns * width
                    if isUpper {
                        unsafe memset(y, 0, border)
                        unsafe memcpy(y + border, a + border, whole - border)
                    } else {
                        unsafe memcpy(y, a, border)
                        unsafe memset(y + border, 0, whole - border)
                    }
                }
            }
        }
    }
}
