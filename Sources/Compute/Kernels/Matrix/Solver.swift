import CLAPACK

/// The processor type whose kernels OpenBLAS uses, such as `Haswell`.
package var solverCore: String { unsafe String(cString: openblas_get_corename()) }

/// True when a product and a Cholesky factorisation by OpenBLAS agree with plain loops: kernels that are forced on a
/// processor are tried before anything depends on them.
package func solverGivesPlainResults() -> Bool {
    // Larger than the tiles of any kernel, and no multiple of their sides.
    let size = 133
    var random = SeededRandom(seed: 1)
    let matrix = Matrix(
        rows: size, columns: size, values: (0..<(size * size)).map { _ in Double.random(in: -1...1, using: &random) })
    let transposed = matrix.transposed()
    var gram = matrix.multiplied(by: transposed)
    for row in 0..<size {
        for column in 0..<size {
            let plain = (0..<size).reduce(0.0) { $0 + matrix[row, $1] * matrix[column, $1] }
            guard abs(gram[row, column] - plain) < 1e-10 else { return false }
        }
        gram[row, row] += 1
    }
    guard let solution = try? gram.choleskySolve(matrix) else { return false }
    for row in 0..<size {
        for column in 0..<size {
            let plain = (0..<size).reduce(0.0) { $0 + gram[row, $1] * solution[$1, column] }
            guard abs(matrix[row, column] - plain) < 1e-10 else { return false }
        }
    }
    return true
}
