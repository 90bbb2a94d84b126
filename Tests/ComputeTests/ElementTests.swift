import Testing

@testable import Compute

// The results of PyTorch 2 for `x`; the names are those of torch and torch.nn.functional.
private let x: [Float] = [-3, -1, -0.5, 0, 0.25, 1, 2.5]
private let functions: [(UnaryKind, [Double])] = [
    (.relu, [0, 0, 0, 0, 0.25, 1, 2.5]),
    (.leakyRelu(slope: 0.1), [-0.3, -0.1, -0.05, 0, 0.25, 1, 2.5]),
    (.sigmoid, [0.04742587, 0.2689414, 0.3775407, 0.5, 0.5621765, 0.7310586, 0.9241418]),
    (.tanh, [-0.9950548, -0.7615942, -0.4621172, 0, 0.2449187, 0.7615942, 0.9866143]),
    (.gelu, [-0.004050225, -0.1586553, -0.1542688, 0, 0.1496766, 0.8413447, 2.484476]),
    (.geluTanh, [-0.003637433, -0.158808, -0.154286, 0, 0.1496754, 0.841192, 2.484916]),
    (.erf, [-0.9999779, -0.8427008, -0.5204999, 0, 0.2763264, 0.8427008, 0.999593]),
    (.exp, [0.04978707, 0.3678795, 0.6065307, 1, 1.284025, 2.718282, 12.18249]),
    (.negate, [3, 1, 0.5, 0, -0.25, -1, -2.5]),
]

@Test(arguments: functions)
func `functions agree with PyTorch`(kind: UnaryKind, expected: [Double]) throws {
    expectClose(try result([7]) { try .unary(kind, tensor(x, [7]), into: $0) }.floats, expected, within: 2e-6)
    let inPlace = try tensor(x, [7])
    try Step.unary(kind, inPlace, into: inPlace).run()
    expectClose(inPlace.floats, expected, within: 2e-6)
}

@Test func `functions of positive numbers agree with PyTorch`() throws {
    let x = try tensor([0.01, 0.5, 1, 2, 100], [5])
    expectClose(
        try result([5]) { try .unary(.log, x, into: $0) }.floats, [-4.60517, -0.6931472, 0, 0.6931472, 4.60517])
    expectClose(try result([5]) { try .unary(.sqrt, x, into: $0) }.floats, [0.1, 0.7071068, 1, 1.414214, 10])
    expectClose(try result([5]) { try .unary(.reciprocal, x, into: $0) }.floats, [100, 2, 1, 0.5, 0.01])
}

@Test(arguments: [7, manyElements + 1])
func `rectifiers treat many elements as they treat few`(count: Int) throws {
    let (x, dy) = try (random([count]), random([count], seed: 2))
    for (kind, slope) in [(UnaryKind.relu, 0), (.leakyRelu(slope: 0.25), 0.25)] as [(UnaryKind, Float)] {
        let y = try result([count]) { try .unary(kind, x, into: $0) }
        #expect(y.floats == x.floats.map { $0 > 0 ? $0 : slope * $0 })
        let dx = try result([count]) { try .unaryBackward(kind, x: x, dy: dy, into: $0) }
        #expect(dx.floats == zip(x.floats, dy.floats).map { $0 > 0 ? $1 : slope * $1 })
    }
}

@Test func `a rectifier keeps what is not a number and cuts what is infinite`() throws {
    let y = try result([2]) { try .unary(.relu, tensor([.nan, -.infinity], [2]), into: $0) }.floats
    #expect(y[0].isNaN)
    #expect(y[1] == 0)
}

private let pairs: [([Int], [Int])] = [
    ([13], [13]), ([7, 65], [7, 65]), ([7, 65], [65]), ([7, 65], [7, 1]), ([7, 65], []), ([], [3, 4]),
    ([2, 3, 5, 7], [3, 1, 1]), ([2, 3, 5, 7], [2, 1, 5, 1]), ([4, 1], [1, 5]), ([2, 1, 4, 1], [3, 1, 5]),
    ([1], [1]), ([], []), ([0, 3], [3]), ([3, 40_000], [3, 40_000]),
]

@Test(arguments: [BinaryKind.add, .subtract, .multiply, .divide, .minimum, .maximum], pairs)
func `two operands broadcast as in numpy`(kind: BinaryKind, shapes: ([Int], [Int])) throws {
    let (left, right) = try (random(shapes.0, seed: 1), random(shapes.1, seed: 2))
    let sizes = try left.shape.broadcast(with: right.shape).dimensions
    let y = try result(sizes) { try .binary(kind, left, right, into: $0) }
    let (a, b) = (left.floats, right.floats)
    let expected = (0..<y.shape.elementCount).map { element in
        let place = place(element, in: sizes)
        let (l, r) = (a[position(place, in: shapes.0)], b[position(place, in: shapes.1)])
        return switch kind {
        case .add: l + r
        case .subtract: l - r
        case .multiply: l * r
        case .divide: l / r
        case .minimum: min(l, r)
        case .maximum: max(l, r)
        case .power, .modulo, .remainder: Float.nan
        }
    }
    #expect(y.floats == expected)
}

@Test func `a result may take the place of an operand`() throws {
    let (left, right) = try (tensor([1, 2, 3, 4], [2, 2]), tensor([10, 20], [2]))
    try Step.binary(.add, left, right, into: left).run()
    #expect(left.floats == [11, 22, 13, 24])
    try Step.accumulate(left, into: left).run()
    #expect(left.floats == [22, 44, 26, 48])
}

@Test(arguments: [[1], [5, 1, 1], [7], [2, 5, 3, 7], []])
func `a slope bends what is negative`(slope: [Int]) throws {
    let (x, slope) = try (random([2, 5, 3, 7], seed: 1), random(slope, seed: 2))
    let y = try result([2, 5, 3, 7]) { try .prelu(x, slope: slope, into: $0) }
    let (a, s) = (x.floats, slope.floats)
    let expected = a.indices.map { element in
        let slope = s[position(place(element, in: [2, 5, 3, 7]), in: slope.shape.dimensions)]
        return a[element] > 0 ? a[element] : slope * a[element]
    }
    #expect(y.floats == expected)
}

@Test func `a slope that does not stretch is refused`() throws {
    let (x, slope) = try (zeros([2, 1]), zeros([3]))
    #expect(throws: ComputeError.self) { try Step.prelu(x, slope: slope, into: x) }
}
