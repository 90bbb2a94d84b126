// Helpers of the Compute tests: seeded and literal tensors, a comparison with tolerance, places in row-major tensors.

import Testing

@testable import Compute

/// A tensor of numbers between -1 and 1 that depend on the seed alone.
func random(_ dimensions: [Int], seed: UInt64 = 1) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    let shape = try Shape(dimensions)
    return try Tensor((0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &generator) }, shape)
}

func zeros(_ dimensions: [Int]) throws -> Tensor { try Tensor(zeros: Shape(dimensions)) }

func tensor(_ values: [Float], _ dimensions: [Int]) throws -> Tensor { try Tensor(values, Shape(dimensions)) }

/// The tensor of the given sizes that a step writes.
func result(_ dimensions: [Int], of step: (Tensor) throws -> Step) throws -> Tensor {
    let result = try zeros(dimensions)
    // The previous contents must not matter.
    result.copy(from: [Float](repeating: .nan, count: result.shape.elementCount))
    try step(result).run()
    return result
}

/// Expects all numbers to agree within `tolerance`, absolutely near zero and relatively elsewhere.
func expectClose(
    _ actual: [Float], _ expected: [Double], within tolerance: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.count == expected.count, sourceLocation: sourceLocation)
    for (index, (left, right)) in zip(actual, expected).enumerated() {
        let isClose = abs(Double(left) - right) <= tolerance * max(1, abs(right))
        guard !isClose else { continue }
        Issue.record("element \(index) is \(left), expected \(right)", sourceLocation: sourceLocation)
        return
    }
}

/// The index along each axis of the element at `position` of a row-major tensor.
func place(_ position: Int, in sizes: [Int]) -> [Int] {
    var rest = position
    var place = [Int](repeating: 0, count: sizes.count)
    for axis in sizes.indices.reversed() {
        place[axis] = rest % sizes[axis]
        rest /= sizes[axis]
    }
    return place
}

/// The position of a place in a row-major tensor of `sizes`, aligned from the right and broadcast where a size is one.
func position(_ place: [Int], in sizes: [Int]) -> Int {
    var position = 0
    for (axis, size) in sizes.enumerated() {
        position = position * size + (size == 1 ? 0 : place[place.count - sizes.count + axis])
    }
    return position
}
