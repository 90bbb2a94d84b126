import Glibc

// Softmax over an axis that is not the last. oneDNN processes it element by element; these loops process whole rows of
// adjacent elements at once: O blocks, N rows in each, I elements in a row; the softmax runs over the N rows.
extension Step {
    /// The softmax of `x`, of `O * N * I` elements; `result` may be the same view.
    static func softmaxAcross(
        _ x: Tensor, _ O: Int, _ N: Int, _ I: Int, isLogarithm: Bool, into result: Tensor
    ) throws(ComputeError) -> Step {
        let centred = try isLogarithm ? Tensor.scratch(x.shape) : result
        let exponential = try unary(.exp, centred, into: centred)
        let rows = try Tensor.scratch(.of([I]))
        let (a, e, y, row) = try unsafe (x.source(), centred.target(), result.target(), rows.target())
        return Step("softmax", keeping: [x, centred, rows, result]) {
            // SAFETY: the tensors hold O blocks of N rows of I elements, and `row` one row.
            for o in 0..<O {
                let (a, e, y) = unsafe (a + o * N * I, e + o * N * I, y + o * N * I)
                unsafe row.update(from: a, count: I)
                for n in 1..<N {
                    let a = unsafe a + n * I
                    for i in 0..<I { unsafe row[i] = larger(a[i], row[i]) }
                }
                for n in 0..<N {
                    let (a, e, y) = unsafe (a + n * I, e + n * I, y + n * I)
                    for i in 0..<I { unsafe e[i] = a[i] - row[i] }
                    if isLogarithm { unsafe y.update(from: e, count: I) }
                }
            }
            exponential.run()
            for o in 0..<O {
                let (e, y) = unsafe (e + o * N * I, y + o * N * I)
                unsafe row.update(from: e, count: I)
                for n in 1..<N {
                    let e = unsafe e + n * I
                    for i in 0..<I { unsafe row[i] += e[i] }
                }
                if isLogarithm {
                    for i in 0..<I { unsafe row[i] = logf(row[i]) }
                } else {
                    for i in 0..<I { unsafe row[i] = 1 / row[i] }
                }
                for n in 0..<N {
                    let y = unsafe y + n * I
                    if isLogarithm {
                        for i in 0..<I { unsafe y[i] -= row[i] }
                    } else {
                        for i in 0..<I { unsafe y[i] *= row[i] }
                    }
                }
            }
        }
    }

    /// The gradient, from the result `y`; `dx` may be the same view as `dy`.
    static func softmaxAcrossBackward(
        y: Tensor, dy: Tensor, _ O: Int, _ N: Int, _ I: Int, isLogarithm: Bool, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let softmax = try isLogarithm ? Tensor.scratch(y.shape) : y
        let exponential = try isLogarithm ? unary(.exp, y, into: softmax) : nil
        let rows = try Tensor.scratch(.of([I]))
        let (p, g, d, row) = try unsafe (softmax.source(), dy.source(), dx.target(), rows.target())
        return Step("softmax backward", keeping: [y, dy, dx, softmax, rows]) {
            exponential?.run()
            // SAFETY: as in `softmaxAcross`.
            for o in 0..<O {
                let (p, g, d) = unsafe (p + o * N * I, g + o * N * I, d + o * N * I)
                unsafe row.update(repeating: 0, count: I)
                for n in 0..<N {
                    let (p, g) = unsafe (p + n * I, g + n * I)
                    if isLogarithm {
                        for i in 0..<I { unsafe row[i] += g[i] }
                    } else {
                        for i in 0..<I { unsafe row[i] += p[i] * g[i] }
                    }
                }
                for n in 0..<N {
                    let (p, g, d) = unsafe (p + n * I, g + n * I, d + n * I)
                    if isLogarithm {
                        for i in 0..<I { unsafe d[i] = g[i] - p[i] * row[i] }
                    } else {
                        for i in 0..<I { unsafe d[i] = p[i] * (g[i] - row[i]) }
                    }
                }
            }
        }
    }
}
