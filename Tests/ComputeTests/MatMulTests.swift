import Testing

@testable import Compute

/// The sizes of the operands of a matrix product under test.
struct Product: Sendable, CustomTestStringConvertible {
    var left: [Int]
    var right: [Int]
    var testDescription: String { "\(left) x \(right)" }
}

private let products = [
    Product(left: [1, 1], right: [1, 1]), Product(left: [7, 13], right: [13, 65]),
    Product(left: [65, 7], right: [7, 1]),
    Product(left: [2, 3, 5, 7], right: [7, 13]), Product(left: [3, 5, 7], right: [3, 7, 2]),
    Product(left: [2, 1, 5, 7], right: [3, 7, 4]), Product(left: [5, 7], right: [2, 3, 7, 4]),
    Product(left: [1, 5, 7], right: [7, 4]), Product(left: [64, 128], right: [128, 96]),
]

@Test(arguments: products, [(false, false), (true, false), (false, true), (true, true)])
func `a product agrees with sums in Float64`(product: Product, transposed: (Bool, Bool)) throws {
    let (M, K, N) = (
        product.left[product.left.count - 2], product.left[product.left.count - 1],
        product.right[product.right.count - 1]
    )
    let left = try random(transposed.0 ? product.left.dropLast(2) + [K, M] : product.left, seed: 1)
    let right = try random(transposed.1 ? product.right.dropLast(2) + [N, K] : product.right, seed: 2)
    let (leftBatch, rightBatch) = (Array(product.left.dropLast(2)), Array(product.right.dropLast(2)))
    let batch = try Shape(leftBatch).broadcast(with: Shape(rightBatch)).dimensions
    for bias in [nil, try random([N], seed: 3)] {
        let y = try result(batch + [M, N]) {
            try .matMul(left, transposed: transposed.0, right, transposed: transposed.1, bias: bias, into: $0)
        }
        let (a, b, c) = (left.floats, right.floats, bias?.floats)
        let expected = (0..<y.shape.elementCount).map { element in
            let place = place(element, in: batch + [M, N])
            let (m, n) = (place[batch.count], place[batch.count + 1])
            let leftStart = position(place.dropLast(2), in: leftBatch) * M * K
            let rightStart = position(place.dropLast(2), in: rightBatch) * K * N
            var sum = c.map { Double($0[n]) } ?? 0
            for k in 0..<K {
                let l = a[leftStart + (transposed.0 ? k * M + m : m * K + k)]
                let r = b[rightStart + (transposed.1 ? n * K + k : k * N + n)]
                sum += Double(l) * Double(r)
            }
            return sum
        }
        expectClose(y.floats, expected)
    }
}

@Test func `a product over nothing is the bias`() throws {
    let (left, right, bias) = try (zeros([2, 0]), zeros([0, 3]), tensor([1, 2, 3], [3]))
    let y = try result([2, 3]) { try .matMul(left, transposed: false, right, transposed: false, bias: bias, into: $0) }
    #expect(y.floats == [1, 2, 3, 1, 2, 3])
    let z = try result([2, 3]) { try .matMul(left, transposed: false, right, transposed: false, bias: nil, into: $0) }
    #expect(z.floats == [0, 0, 0, 0, 0, 0])
}

@Test func `sizes that do not fit are refused`() throws {
    let (left, right, y) = try (zeros([2, 3]), zeros([4, 5]), zeros([2, 5]))
    #expect(throws: ComputeError.shape(.mismatch(operation: "matMul", left.shape, right.shape))) {
        try Step.matMul(left, transposed: false, right, transposed: false, bias: nil, into: y)
    }
    let wrong = try zeros([5, 2])
    #expect(throws: ComputeError.shape(.mismatch(operation: "matMul", try Shape([2, 4]), wrong.shape))) {
        try Step.matMul(left, transposed: false, zeros([3, 4]), transposed: false, bias: nil, into: wrong)
    }
}

@Test func `a step sees what its operands hold when it runs`() throws {
    let (left, right, y) = try (tensor([1, 2], [1, 2]), tensor([1, 1], [2, 1]), zeros([1, 1]))
    let step = try Step.matMul(left, transposed: false, right, transposed: false, bias: nil, into: y)
    step.run()
    #expect(y.floats == [3])
    left.copy(from: [10, 20])
    step.run()
    #expect(y.floats == [30])
}

@Test func `a step outlives the tensors it was made from`() throws {
    let y = try zeros([1, 1])
    let run = try Step.matMul(
        tensor([3], [1, 1]), transposed: false, tensor([5], [1, 1]), transposed: false, bias: nil, into: y
    ).run
    run()
    #expect(y.floats == [15])
}
