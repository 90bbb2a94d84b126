import Testing

@testable import Compute

private func naive(_ x: [Float], _ y: [Float], samples: Int) -> [Double] {
    let (D, E) = (x.count / samples, y.count / samples)
    return (0..<(D * E)).map { element in
        (0..<samples).reduce(0.0) { $0 + Double(x[$1 * D + element / E]) * Double(y[$1 * E + element % E]) }
    }
}

private func expectClose(_ actual: Matrix, _ expected: [Double], within tolerance: Double = 1e-10) {
    #expect(actual.values.count == expected.count)
    #expect(zip(actual.values, expected).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) })
}

@Test(arguments: [1, 7, 512, 1025])
func `moments are sums over all samples and add up`(samples: Int) throws {
    let (x, y) = try (random([samples, 13], seed: 1), random([samples, 5], seed: 2))
    var (gram, product) = (Matrix(rows: 13, columns: 13), Matrix(rows: 13, columns: 5))
    var sums = [Double](repeating: 0, count: 13)
    for half in [0..<(samples / 2), (samples / 2)..<samples] {
        try gram.accumulateGram(of: x.rows(half))
        try product.accumulateProduct(x.rows(half), y.rows(half))
        try Matrix.accumulateColumnSums(of: x.rows(half), into: &sums)
    }
    expectClose(gram, naive(x.floats, x.floats, samples: samples))
    expectClose(product, naive(x.floats, y.floats, samples: samples))
    let ones = [Float](repeating: 1, count: samples)
    expectClose(Matrix(rows: 1, columns: 13, values: sums), naive(ones, x.floats, samples: samples))
    #expect(gram == gram.transposed())
}

@Test func `a product of matrices`() {
    let left = Matrix(rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6])
    #expect(left.multiplied(by: left.transposed()) == Matrix(rows: 2, columns: 2, values: [14, 32, 32, 77]))
    #expect(left.transposed()[2, 1] == 6)
}

@Test func `a solved system gives the right sides back`() throws {
    let x = try random([100, 13])
    var system = Matrix(rows: 13, columns: 13)
    try system.accumulateGram(of: x)
    let rightSides = Matrix(rows: 13, columns: 2, values: (0..<26).map { Double($0) - 11.5 })
    let solution = try system.choleskySolve(rightSides)
    expectClose(system.multiplied(by: solution), rightSides.values)
}

@Test func `a matrix that is not positive definite is refused`() {
    let singular = Matrix(rows: 2, columns: 2, values: [1, 2, 2, 4])
    #expect(throws: ComputeError.singular(column: 1)) {
        try singular.choleskySolve(Matrix(rows: 2, columns: 1, values: [1, 1]))
    }
}

@Test func `an inverse by Cholesky is numpy's`() throws {
    // np.linalg.inv(np.array([[4, 2, 1], [2, 5, 3], [1, 3, 6]]))
    let matrix = Matrix(rows: 3, columns: 3, values: [4, 2, 1, 2, 5, 3, 1, 3, 6])
    expectClose(
        try matrix.choleskyInverse(),
        [
            0.3134328358208955, -0.13432835820895522, 0.014925373134328358,
            -0.13432835820895522, 0.3432835820895522, -0.14925373134328357,
            0.014925373134328358, -0.14925373134328357, 0.23880597014925373,
        ], within: 1e-14)
}

@Test(arguments: [1, 31, 32, 33, 200])
func `an inverse by Cholesky is symmetric and undoes its matrix`(size: Int) throws {
    var matrix = Matrix(rows: size, columns: size)
    try matrix.accumulateGram(of: random([2 * size, size]))
    for index in 0..<size { matrix[index, index] += 1 }
    let inverse = try matrix.choleskyInverse()
    #expect(inverse == inverse.transposed())
    let identity = (0..<(size * size)).map { $0 / size == $0 % size ? 1.0 : 0 }
    expectClose(matrix.multiplied(by: inverse), identity, within: 1e-10)
}

@Test func `a matrix that is not positive definite has no inverse by Cholesky`() throws {
    let singular = Matrix(rows: 2, columns: 2, values: [1, 2, 2, 4])
    #expect(throws: ComputeError.singular(column: 1)) { try singular.choleskyInverse() }
    #expect(try Matrix(rows: 0, columns: 0).choleskyInverse() == Matrix(rows: 0, columns: 0))
}

@Test func `a product is subtracted in place`() {
    let left = Matrix(rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6])
    var result = Matrix(rows: 2, columns: 2, values: [100, 100, 100, 100])
    result.subtractProduct(left, left.transposed())
    #expect(result == Matrix(rows: 2, columns: 2, values: [86, 68, 68, 23]))
    result.subtractProduct(Matrix(rows: 2, columns: 0), Matrix(rows: 0, columns: 2))
    #expect(result.values == [86, 68, 68, 23])
}

@Test func `OpenBLAS agrees with plain loops on this machine`() {
    #expect(!solverCore.isEmpty)
    #expect(solverGivesPlainResults())
}

@Test func `many rows are summed in Float32 tiles to a millionth of their mean squares by any number of threads`()
    throws
{
    // Blocks at both edges, a last tile of few rows, and enough work for tiles.
    let (N, D, E) = (1100, 300, 270)
    let (x, y) = try (random([N, D], seed: 1), random([N, E], seed: 2))
    #expect(MomentTiles.pay(N, D, E) && !MomentTiles.pay(255, 4000, 4000) && !MomentTiles.pay(N, 13, E))
    let before = threadCount
    defer { setThreads(before) }
    var found: [(gram: Matrix, product: Matrix)] = []
    for threads in 1...3 {
        setThreads(threads)
        var (gram, product) = (Matrix(rows: D, columns: D), Matrix(rows: D, columns: E))
        try gram.accumulateGram(of: x)
        try product.accumulateProduct(x, y)
        found.append((gram, product))
    }
    #expect(found.allSatisfy { $0.gram == found[0].gram && $0.product == found[0].product })
    #expect(found[0].gram == found[0].gram.transposed())
    // A mean square is about a third.
    let bound = Double(N) / 3 * 1e-6
    let (left, right) = (x.floats, y.floats)
    for place in stride(from: 0, to: D * E, by: 101) {
        let (row, column) = place.quotientAndRemainder(dividingBy: E)
        var (gram, product) = (0.0, 0.0)
        for sample in 0..<N {
            gram += Double(left[sample * D + row]) * Double(left[sample * D + column])
            product += Double(left[sample * D + row]) * Double(right[sample * E + column])
        }
        #expect(abs(found[0].gram[row, column] - gram) < bound)
        #expect(abs(found[0].product[row, column] - product) < bound)
    }
}
