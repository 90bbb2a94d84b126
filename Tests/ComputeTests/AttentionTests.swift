import Foundation
import Testing

@testable import Compute

/// The sizes B, H, S, T, D and E: no multiples of the width of a vector.
private let (samples, heads, asking, answering, depth, valueDepth) = (2, 3, 5, 13, 6, 9)

/// The reference `softmax(scale * q k' + mask) v` in Float64, `[B, H, S, E]`, of operands `[B, positions, H, size]`.
private func reference(
    _ q: [Double], _ k: [Double], _ v: [Double], scale: Double, mask: (Int, Int) -> Double
) -> [Double] {
    var result: [Double] = []
    for b in 0..<samples {
        for h in 0..<heads {
            for s in 0..<asking {
                let scores = (0..<answering).map { t in
                    (0..<depth).reduce(mask(s, t)) { sum, d in
                        sum + scale * q[((b * asking + s) * heads + h) * depth + d]
                            * k[((b * answering + t) * heads + h) * depth + d]
                    }
                }
                let largest = scores.max() ?? 0
                let powers = scores.map { exp($0 - largest) }
                let total = powers.reduce(0, +)
                for e in 0..<valueDepth {
                    result.append(
                        (0..<answering).reduce(0) { sum, t in
                            sum + powers[t] / total * v[((b * answering + t) * heads + h) * valueDepth + e]
                        })
                }
            }
        }
    }
    return result
}

private struct Operands {
    let query, key, value: Tensor

    init() throws {
        query = try random([samples, asking, heads, depth], seed: 1)
        key = try random([samples, answering, heads, depth], seed: 2)
        value = try random([samples, answering, heads, valueDepth], seed: 3)
    }

    func attention(mask: Tensor? = nil, silences: Bool = false) throws -> Attention {
        func view(_ x: Tensor) -> StridedView { StridedView(x.shape).transposed([0, 2, 1, 3]) }
        let result = StridedView(try Shape([samples, heads, asking, valueDepth]))
        return try #require(
            Attention(
                scale: 0.7, query: view(query), key: view(key), value: view(value),
                mask: mask.map { StridedView($0.shape).stretched(to: [samples, heads, asking, answering]) },
                result: result, zeroesEmptyRows: silences))
    }

    func run(_ attention: Attention, mask: Tensor? = nil) throws -> Tensor {
        try made([samples, heads, asking, valueDepth]) {
            try .attention(attention, query: query, key: key, value: value, mask: mask, into: $0)
        }
    }

    var doubles: [[Double]] { [query, key, value].map { $0.floats.map(Double.init) } }
}

private func made(_ sizes: [Int], of step: (Tensor) throws -> Step) throws -> Tensor {
    try result(sizes, of: step)
}

@Test func `the exponential is right to two units in the last place, from zero to infinity`() {
    var worst = 0.0
    for start in stride(from: Float(-88), to: 88.7, by: 0.013) {
        let x = SIMD8<Float>(start, start + 0.001, start + 0.002, start + 0.003, 0, -0.5, 0.5, 1)
        let y = exponential(x)
        for lane in 0..<8 where x[lane] > -87.3 {
            let expected = exp(Double(x[lane]))
            worst = max(worst, abs(Double(y[lane]) - expected) / expected)
        }
    }
    #expect(worst < 2.4e-7)
    let edges = exponential(SIMD8<Float>(-.infinity, -200, -87.4, 0, 88.7, .nan, 1, 2))
    #expect(edges[0] == 0 && edges[1] == 0 && edges[2] == 0 && edges[3] == 1 && edges[4].isFinite && edges[5].isNaN)
}

@Test func `attention agrees with the formula in Float64, wherever its heads lie`() throws {
    let operands = try Operands()
    let doubles = operands.doubles
    let plain = try operands.run(operands.attention())
    expectClose(plain.floats, reference(doubles[0], doubles[1], doubles[2], scale: 0.7) { _, _ in 0 })
    let mask = try random([asking, answering], seed: 4)
    let masked = try operands.run(operands.attention(mask: mask), mask: mask)
    let added = mask.floats.map(Double.init)
    expectClose(
        masked.floats, reference(doubles[0], doubles[1], doubles[2], scale: 0.7) { added[$0 * answering + $1] })
}

@Test func `a place that may ask nobody is told zeros only where that is wanted`() throws {
    let operands = try Operands()
    var numbers = [Float](repeating: 0, count: asking * answering)
    for t in 0..<answering { numbers[answering + t] = -.infinity }
    let mask = try tensor(numbers, [asking, answering])
    let open = try operands.run(operands.attention(mask: mask), mask: mask).floats
    let silent = try operands.run(operands.attention(mask: mask, silences: true), mask: mask).floats
    for (index, value) in silent.enumerated() {
        let isEmpty = index / valueDepth % asking == 1
        #expect(isEmpty ? value == 0 && open[index].isNaN : value == open[index])
    }
}

@Test(arguments: [false, true])
func `the derivatives of attention agree with difference quotients in Float64`(isMasked: Bool) throws {
    let operands = try Operands()
    let mask = isMasked ? try random([asking, answering], seed: 4) : nil
    let attention = try operands.attention(mask: mask)
    let parts = try #require(
        AttentionParts(
            attention, indices: [0, 1, 2],
            counts: [operands.query, operands.key, operands.value].map(\.shape.elementCount)))
    let dy = try random([samples, heads, asking, valueDepth], seed: 5)
    let flat = try result([parts.elementCount]) {
        try .attentionBackward(
            attention, parts, query: operands.query, key: operands.key, value: operands.value, dy: dy, mask: mask,
            into: $0)
    }
    let added = mask?.floats.map(Double.init)
    let weights = dy.floats.map(Double.init)
    func loss(_ x: [[Double]]) -> Double {
        let y = reference(x[0], x[1], x[2], scale: 0.7) { added?[$0 * answering + $1] ?? 0 }
        return zip(y, weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
    for operand in 0..<3 {
        let start = parts.ranges[operand].lowerBound
        for element in stride(from: 0, to: parts.ranges[operand].count, by: 7) {
            var (above, below) = (operands.doubles, operands.doubles)
            above[operand][element] += 1e-4
            below[operand][element] -= 1e-4
            let expected = (loss(above) - loss(below)) / 2e-4
            #expect(abs(Double(flat.floats[start + element]) - expected) < 1e-4)
        }
    }
}

@Test func `derivatives that would fall on each other are refused, and what no view reaches is zero`() throws {
    let base = try random([samples, asking, 3, heads, depth], seed: 1)
    let all = StridedView(base.shape).transposed([2, 0, 3, 1, 4])
    func part(_ index: Int) throws -> StridedView {
        try #require(all.sliced(axis: 0, start: index, count: 1, step: 1).reshaped([samples, heads, asking, depth]))
    }
    let result = StridedView(try Shape([samples, heads, asking, depth]))
    let apart = try #require(
        Attention(scale: 1, query: part(0), key: part(1), value: part(2), mask: nil, result: result))
    let count = base.shape.elementCount
    let full = try #require(AttentionParts(apart, indices: [0, 0, 0], counts: [count]))
    #expect(full.areFull == [true] && full.elementCount == count)
    let same = try #require(
        Attention(scale: 1, query: part(0), key: part(1), value: part(1), mask: nil, result: result))
    #expect(AttentionParts(same, indices: [0, 0, 0], counts: [count]) == nil)
    let gaps = try #require(AttentionParts(same, indices: [0, 1, 2], counts: [count, count, count]))
    #expect(gaps.areFull == [false, false, false])
    let dy = try random([samples, heads, asking, depth], seed: 2)
    let flat = try made([gaps.elementCount]) {
        try .attentionBackward(same, gaps, query: base, key: base, value: base, dy: dy, mask: nil, into: $0)
    }
    // Only every third run of heads in the query's part is written.
    #expect(flat.floats[(heads * depth)..<(3 * heads * depth)].allSatisfy { $0 == 0 })
    #expect(flat.floats[0..<(heads * depth)].contains { $0 != 0 })
}

@Test func `a view outside of its value is refused`() throws {
    let operands = try Operands()
    let attention = try operands.attention()
    let small = try random([samples, asking, heads, depth - 1], seed: 1)
    #expect(throws: ComputeError.self) {
        try made([samples, heads, asking, valueDepth]) {
            try .attention(
                attention, query: small, key: operands.key, value: operands.value, mask: nil, into: $0)
        }
    }
}
