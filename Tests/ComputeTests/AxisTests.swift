import Testing

@testable import Compute

@Test(arguments: [ReduceKind.sum, .mean], [[], [0], [1], [3], [0, 2, 3], [1, 2], [0, 1, 2, 3]])
func `a reduction agrees with sums in Float64`(kind: ReduceKind, axes: [Int]) throws {
    let sizes = [7, 3, 5, 65]
    let kept = sizes.indices.map { axes.contains($0) ? 1 : sizes[$0] }
    let x = try random(sizes)
    let a = x.floats
    var expected = [Double](repeating: 0, count: kept.reduce(1, *))
    for element in a.indices { expected[position(place(element, in: sizes), in: kept)] += Double(a[element]) }
    if kind == .mean { expected = expected.map { $0 * Double(expected.count) / Double(a.count) } }
    expectClose(try result(kept) { try .reduce(kind, x, axes: axes, into: $0) }.floats, expected)
    let dropped = sizes.indices.filter { !axes.contains($0) }.map { sizes[$0] }
    expectClose(try result(dropped) { try .reduce(kind, x, axes: axes, into: $0) }.floats, expected)
}

@Test(arguments: [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0]])
func `axes change places in every element type`(permutation: [Int]) throws {
    let sizes = [3, 7, 13]
    let values = Array(0..<(3 * 7 * 13))
    let moved = permutation.map { sizes[$0] }
    let expected = values.map { element in
        var from = [0, 0, 0]
        for (axis, index) in place(element, in: moved).enumerated() { from[permutation[axis]] = index }
        return position(from, in: sizes)
    }
    let (from, to) = try (Shape(sizes), Shape(moved))
    let floats = try Tensor(zeros: to)
    try Step.transpose(Tensor(values.map(Float.init), from), permutation: permutation, into: floats).run()
    #expect(floats.floats == expected.map(Float.init))
    let integers = try Tensor(.int64, zeros: to)
    try Step.transpose(Tensor(values.map(Int64.init), from), permutation: permutation, into: integers).run()
    #expect(integers.int64s == expected.map(Int64.init))
    let truths = try Tensor(.bool, zeros: to)
    try Step.transpose(Tensor(values.map { $0 % 3 == 0 }, from), permutation: permutation, into: truths).run()
    #expect(truths.bools == expected.map { $0 % 3 == 0 })
}

@Test func `parts are joined and taken apart along any axis`() throws {
    let (left, right) = try (tensor([1, 2, 3, 4], [2, 2, 1]), tensor([5, 6, 7, 8, 9, 10, 11, 12], [2, 4, 1]))
    let joined = try result([2, 6, 1]) { try .concat([left, right], axis: 1, into: $0) }
    #expect(joined.floats == [1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12])
    #expect(try result([2, 4, 1]) { try .slice(joined, axis: 1, start: 2, into: $0) }.floats == right.floats)
    let padded = try result([2, 6, 1]) { try .padSlice(left, axis: 1, start: 3, into: $0) }
    #expect(padded.floats == [0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 0])
    let labels = try Tensor(.int64, zeros: Shape([1]))
    try Step.slice(Tensor([7, 8, 9] as [Int64], Shape([3])), axis: 0, start: 1, into: labels).run()
    #expect(labels.int64s == [8])
}

@Test func `parts that do not fit are refused`() throws {
    let (x, y) = try (zeros([2, 3]), zeros([2, 2]))
    #expect(throws: ComputeError.shape(.mismatch(operation: "slice", y.shape, x.shape))) {
        try Step.slice(x, axis: 1, start: 2, into: y)
    }
    #expect(throws: ComputeError.self) { try Step.concat([x, x], axis: 0, into: zeros([3, 3])) }
    #expect(throws: ComputeError.self) { try Step.padSlice(x, axis: 1, start: 0, into: y) }
}

@Test func `elements are stretched, copied and set`() throws {
    let x = try tensor([1, 2], [2, 1])
    #expect(try result([2, 2, 3]) { try .broadcast(x, into: $0) }.floats == [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2])
    let row = try tensor([1, 2], [2])
    #expect(try result([3, 2]) { try .broadcast(row, into: $0) }.floats == [1, 2, 1, 2, 1, 2])
    #expect(try result([1, 2]) { try .copy(x, into: $0) }.floats == [1, 2])
    #expect(try result([7]) { try .fill($0, value: 3) }.floats == [3, 3, 3, 3, 3, 3, 3])
    #expect(throws: ComputeError.self) { try Step.broadcast(x, into: zeros([3, 1])) }
}

@Test(arguments: [0, 1, 2, -1])
func `a softmax sums to one along its axis`(axis: Int) throws {
    let sizes = [7, 13, 65]
    let x = try random(sizes)
    let a = x.floats.map { Double($0) }
    let along = axis < 0 ? axis + 3 : axis
    let kept = sizes.indices.map { $0 == along ? 1 : sizes[$0] }
    var sums = [Double](repeating: 0, count: kept.reduce(1, *))
    // An exponential that is independent of the kernels: (1 + x / 2^20)^(2^20) by squaring.
    let powers = a.map { value in (0..<20).reduce(1 + value / 1_048_576) { power, _ in power * power } }
    for element in a.indices { sums[position(place(element, in: sizes), in: kept)] += powers[element] }
    let expected = a.indices.map { powers[$0] / sums[position(place($0, in: sizes), in: kept)] }
    expectClose(try result(sizes) { try .softmax(x, axis: axis, into: $0) }.floats, expected)
}

@Test func `a softmax of huge numbers does not overflow`() throws {
    let x = try tensor([1000, 0, -1000, 5, 5, 5], [2, 3])
    let third = 1.0 / 3
    expectClose(try result([2, 3]) { try .softmax(x, axis: 1, into: $0) }.floats, [1, 0, 0, third, third, third])
}

@Test(arguments: [[3, 5], [2, 5, 7], [2, 5, 3, 13]])
func `channels are normalised on given statistics`(sizes: [Int]) throws {
    let (x, scale, bias, mean) = try (random(sizes), random([5], seed: 2), random([5], seed: 3), random([5], seed: 4))
    let variance = try tensor([0.1, 1, 2, 0, 4], [5])
    let y = try result(sizes) {
        try .batchNorm(x, scale: scale, bias: bias, mean: mean, variance: variance, epsilon: 0.01, into: $0)
    }
    let a = x.floats
    let (g, b, m, v) = (scale.floats, bias.floats, mean.floats, variance.floats)
    let expected = a.indices.map { element in
        let c = place(element, in: sizes)[1]
        return Double(a[element] - m[c]) / (Double(v[c]) + 0.01).squareRoot() * Double(g[c]) + Double(b[c])
    }
    expectClose(y.floats, expected)
}

@Test func `casts cut off, clamp, wrap and never trap`() throws {
    let floats: [Float] = [-1.9, 0, 2.9, .nan, 1e30, -1e30, .infinity, 0x1p63]
    let shape = try Shape([8])
    let (int64s, int32s, bools) = try (
        Tensor(.int64, zeros: shape), Tensor(.int32, zeros: shape), Tensor(.bool, zeros: shape)
    )
    for target in [int64s, int32s, bools] { try Step.cast(Tensor(floats, shape), into: target).run() }
    #expect(int64s.int64s == [-1, 0, 2, 0, .max, .min, .max, .max])
    #expect(int32s.int32s == [-1, 0, 2, 0, .max, .min, .max, .max])
    #expect(bools.bools == [true, false, true, true, true, true, true, true])

    let pair = try Shape([3])
    let (source, wrapped, back) = try (
        Tensor([1 << 32 + 5, -1, 0] as [Int64], pair), Tensor(.int32, zeros: pair), Tensor(zeros: pair)
    )
    try Step.cast(source, into: wrapped).run()
    #expect(wrapped.int32s == [5, -1, 0])
    try Step.cast(wrapped, into: back).run()
    #expect(back.floats == [5, -1, 0])
    try Step.cast(Tensor([true, false, true], pair), into: back).run()
    #expect(back.floats == [1, 0, 1])
}

@Test(arguments: [0, 1, 2])
func `so many elements that threads share them are placed and fetched by index as few are`(axis: Int) throws {
    let sizes = [3, 70, 1024]
    let (x, updates) = try (random(sizes), random(sizes, seed: 2))
    var generator = SeededRandom(seed: 3)
    let places = (0..<updates.shape.elementCount).map { _ in Int64.random(in: 0..<Int64(sizes[axis]), using: &generator)
    }
    let indices = try Tensor(places, Shape(sizes))
    let before = x.floats
    var sums = before
    var fetched: [Float] = []
    for (index, value) in updates.floats.enumerated() {
        var place = place(index, in: sizes)
        place[axis] = Int(places[index])
        let target = position(place, in: sizes)
        fetched.append(before[target])
        sums[target] += value
    }
    #expect(try result(sizes) { try .gatherElements(x, indices: indices, axis: axis, into: $0) }.floats == fetched)
    let scattered = try result(sizes) {
        try .scatterElements(.add, x, indices: indices, updates: updates, axis: axis, into: $0)
    }
    #expect(scattered.floats == sums)
}

@Test func `so many elements that threads share them are joined and taken apart as few are`() throws {
    let (left, right) = try (random([300, 2, 200]), random([300, 3, 200], seed: 2))
    let joined = try result([300, 5, 200]) { try .concat([left, right], axis: 1, into: $0) }
    let (firsts, seconds) = (left.floats, right.floats)
    var expected: [Float] = []
    for row in 0..<300 {
        expected += firsts[row * 400..<(row + 1) * 400]
        expected += seconds[row * 600..<(row + 1) * 600]
    }
    #expect(joined.floats == expected)
    #expect(try result([300, 3, 200]) { try .slice(joined, axis: 1, start: 2, into: $0) }.floats == right.floats)
    let padded = try result([300, 5, 200]) { try .padSlice(right, axis: 1, start: 2, into: $0) }
    let zeros = try zeros([300, 2, 200])
    #expect(try result([300, 5, 200]) { try .concat([zeros, right], axis: 1, into: $0) }.floats == padded.floats)
}
