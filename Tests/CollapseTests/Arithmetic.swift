// Test support: small data sets with expected values from numpy.

import Compute

/// Data that numpy computes with the same formulas, exact in Float32. In Python:
///
///     def X(n, d, s):
///         i = arange(n)[:, None]; j = arange(d)[None, :]; return (((7*i + 13*j + 5*i*j + 3*s) % 11) - 5) / 4
///     def N(n, o, s): i = arange(n)[:, None]; k = arange(o)[None, :]; return (((3*i + 5*k + i*i + s) % 9) - 4) / 2
///     T = array([[1, -2, 0.5], [0.25, 1, -1]])
///     x, u = X(12, 3, 0), X(8, 3, 1);  y, v = x @ T.T + N(12, 2, 0), u @ T.T + N(8, 2, 1)
struct Arithmetic {
    let x: Tensor
    let y: Tensor

    static func fit() throws -> Arithmetic { try Arithmetic(count: 12, shift: 0) }
    static func heldOut() throws -> Arithmetic { try Arithmetic(count: 8, shift: 1) }

    private init(count: Int, shift: Int) throws {
        let map: [[Float]] = [[1, -2, 0.5], [0.25, 1, -1]]
        var (inputs, outputs): ([Float], [Float]) = ([], [])
        for i in 0..<count {
            let row = (0..<3).map { j in Float((7 * i + 13 * j + 5 * i * j + 3 * shift) % 11 - 5) / 4 }
            inputs += row
            for k in 0..<2 {
                let noise = Float((3 * i + 5 * k + i * i + shift) % 9 - 4) / 2
                outputs.append(zip(map[k], row).reduce(noise) { $0 + $1.0 * $1.1 })
            }
        }
        x = try Tensor(inputs, Shape([count, 3]))
        y = try Tensor(outputs, Shape([count, 2]))
    }
}
