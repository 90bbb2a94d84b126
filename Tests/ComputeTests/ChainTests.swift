import Testing

@testable import Compute

/// The gradient of `hardSwish` at `clip(a * b + c) - relu(a * b)`: a chain with links and operands that are read twice.
private let chain = ElementChain([
    .binary(.multiply, .operand(0), .operand(1)),
    .binary(.add, .result(0), .operand(2)),
    .unary(.clip(minimum: -0.5, maximum: 0.75), .result(1)),
    .unary(.relu, .result(0)),
    .binary(.subtract, .result(2), .result(3)),
    .unaryGradient(.hardSwish, x: .result(4), dy: .operand(0)),
])

/// The same computation, one step per operation.
private func plain(_ a: Tensor, _ b: Tensor, _ c: Tensor, _ sizes: [Int]) throws -> [Float] {
    let product = try result(sizes) { try .binary(.multiply, a, b, into: $0) }
    let sum = try result(sizes) { try .binary(.add, product, c, into: $0) }
    let clipped = try result(sizes) { try .unary(.clip(minimum: -0.5, maximum: 0.75), sum, into: $0) }
    let rectified = try result(sizes) { try .unary(.relu, product, into: $0) }
    let difference = try result(sizes) { try .binary(.subtract, clipped, rectified, into: $0) }
    return try result(sizes) { try .unaryBackward(.hardSwish, x: difference, dy: a, into: $0) }.floats
}

private let operands: [([Int], [Int], [Int])] = [
    ([5], [5], [5]), ([7, 65], [65], [7, 1]), ([2, 3, 5, 7], [3, 1, 1], []), ([2, 3, 4, 5], [2, 1, 4, 1], [1, 5]),
    ([3, 513], [3, 513], [513]), ([3, 1025], [3, 1], [3, 1025]), ([2, 90_000], [2, 90_000], [2, 1]),
    ([200_001], [], [200_001]), ([400, 300], [300], [400, 1]), ([], [], []), ([0, 3], [3], []),
]

@Test(arguments: operands)
func `a chain computes what its operations do one by one`(sizes: ([Int], [Int], [Int])) throws {
    let (a, b, c) = try (random(sizes.0), random(sizes.1, seed: 2), random(sizes.2, seed: 3))
    let expected = try plain(a, b, c, sizes.0)
    #expect(try result(sizes.0) { try .chain(chain, [a, b, c], into: $0) }.floats == expected)
}

@Test(arguments: operands.prefix(8))
func `a chain may write over an operand`(sizes: ([Int], [Int], [Int])) throws {
    let (a, b, c) = try (random(sizes.0), random(sizes.1, seed: 2), random(sizes.2, seed: 3))
    let expected = try plain(a, b, c, sizes.0)
    try Step.chain(chain, [a, b, c], into: a).run()
    #expect(a.floats == expected)
}

@Test func `operands of a chain may all be stretched`() throws {
    let column = try random([70_000, 1], seed: 1)
    let row = try random([1, 3], seed: 2)
    let short = ElementChain([
        .binary(.subtract, .operand(0), .operand(1)), .binary(.maximum, .result(0), .operand(1)),
    ])
    let difference = try result([70_000, 3]) { try .binary(.subtract, column, row, into: $0) }
    let expected = try result([70_000, 3]) { try .binary(.maximum, difference, row, into: $0) }
    #expect(try result([70_000, 3]) { try .chain(short, [column, row], into: $0) }.floats == expected.floats)
}

@Test func `a chain refuses a result of another shape`() throws {
    let (a, b) = try (random([4, 3]), random([3]))
    let sum = ElementChain([.binary(.add, .operand(0), .operand(1))])
    #expect(throws: ComputeError.self) { try Step.chain(sum, [a, b], into: zeros([3, 4])) }
    #expect(throws: ComputeError.self) { try Step.chain(sum, [a, random([4])], into: zeros([4, 3])) }
}
