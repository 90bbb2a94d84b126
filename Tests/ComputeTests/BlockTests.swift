import Testing

@testable import Compute

extension Tensor {
    /// The same image with its channels in blocks.
    fileprivate func inBlocks() throws -> Tensor {
        var result = try Tensor(zeros: shape)
        result.block = channelBlock
        let values = floats
        var blocked = values
        for index in values.indices { blocked[result.placeInBlocks(index)] = values[index] }
        result.copy(from: blocked)
        return result
    }

    /// The elements in row-major order, whatever the layout.
    fileprivate var plainFloats: [Float] {
        let values = floats
        return block == 1 ? values : values.indices.map { values[placeInBlocks($0)] }
    }

    private func placeInBlocks(_ index: Int) -> Int {
        let at = place(index, in: shape.dimensions)
        let (height, width) = (shape[2], shape[3])
        let outer = (at[0] * (shape[1] / block) + at[1] / block) * height + at[2]
        return (outer * width + at[3]) * block + at[1] % block
    }
}

private func blockedResult(_ dimensions: [Int], of step: (Tensor) throws -> Step) throws -> [Float] {
    var result = try Tensor(zeros: Shape(dimensions))
    result.block = channelBlock
    result.copy(from: [Float](repeating: .nan, count: result.shape.elementCount))
    try step(result).run()
    return result.plainFloats
}

private let window = Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1])

@Test func `a convolution computes the same whatever order its images lie in`() throws {
    let (x, weight, dy) = try (
        random([2, 32, 5, 6], seed: 1), random([16, 32, 3, 3], seed: 2), random([2, 16, 5, 6])
    )
    let y = try result([2, 16, 5, 6]) {
        try .convolution(x, weight: weight, bias: nil, window: window, groups: 1, into: $0)
    }
    let dx = try result([2, 32, 5, 6]) {
        try .convolutionBackwardData(dy: dy, weight: weight, window: window, groups: 1, into: $0)
    }
    let dWeight = try result([16, 32, 3, 3]) {
        try .convolutionBackwardWeights(x, dy: dy, window: window, groups: 1, into: $0)
    }
    let (blockedX, blockedSlope) = try (x.inBlocks(), dy.inBlocks())
    #expect(
        try blockedResult([2, 16, 5, 6]) {
            try .convolution(blockedX, weight: weight, bias: nil, window: window, groups: 1, into: $0)
        } == y.floats)
    #expect(
        try blockedResult([2, 32, 5, 6]) {
            try .convolutionBackwardData(dy: blockedSlope, weight: weight, window: window, groups: 1, into: $0)
        } == dx.floats)
    #expect(
        try result([16, 32, 3, 3]) {
            try .convolutionBackwardWeights(blockedX, dy: blockedSlope, window: window, groups: 1, into: $0)
        }.floats == dWeight.floats)
}

@Test(arguments: [
    Window(kernel: [2, 2], strides: [2, 2], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0]),
    Window(kernel: [3, 2], strides: [2, 1], dilations: [1, 2], padsBegin: [1, 0], padsEnd: [1, 1]),
    Window(kernel: [3, 3], strides: [2, 2], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [1, 1], roundsUp: true),
])
func `a pooling computes the same whatever order its images lie in`(window: Window) throws {
    let x = try random([2, 16, 7, 6], seed: 3)
    x.copy(from: x.floats.map { ($0 * 4).rounded() })  // equals among them
    let sizes = [0, 1].map { axis in
        let reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        let room = x.shape[axis + 2] + window.padsBegin[axis] + window.padsEnd[axis] - reach
        return room / window.strides[axis] + 1
    }
    let pooled = [2, 16] + sizes
    let dy = try random(pooled, seed: 4)
    let y = try result(pooled) { try .maxPool(x, window: window, into: $0) }
    let dx = try result([2, 16, 7, 6]) { try .maxPoolBackward(x, dy: dy, window: window, into: $0) }
    let blocked = try x.inBlocks()
    #expect(try blockedResult(pooled) { try .maxPool(blocked, window: window, into: $0) } == y.floats)
    #expect(try result(pooled) { try .maxPool(blocked, window: window, into: $0) }.floats == y.floats)
    for slope in [dy, try dy.inBlocks()] {
        let found = try blockedResult([2, 16, 7, 6]) {
            try .maxPoolBackward(blocked, dy: slope, window: window, into: $0)
        }
        expectClose(found, dx.floats.map(Double.init))
    }
}

@Test func `the sums of channels are the same whatever order the image lies in`() throws {
    let x = try random([3, 32, 4, 5], seed: 5)
    let sums = try result([32]) { try .reduce(.sum, x, axes: [0, 2, 3], into: $0) }
    let blocked = try x.inBlocks()
    let found = try result([32]) { try .reduce(.sum, blocked, axes: [0, 2, 3], into: $0) }
    expectClose(found.floats, sums.floats.map(Double.init))
}

@Test func `steps share the memory that they need only while they run`() throws {
    let (x, weight) = try (random([1, 3, 9, 9], seed: 6), random([5, 3, 3, 3], seed: 7))
    let results = try [zeros([1, 5, 9, 9]), zeros([1, 5, 9, 9])]
    let steps = try results.map {
        try Step.convolution(x, weight: weight, bias: nil, window: window, groups: 1, into: $0)
    }
    let storage = try TensorStorage(byteCount: steps.compactMap(\.scratch?.byteCount).max() ?? 0)
    for step in steps { step.scratch?.place(in: storage) }
    for step in steps { step.run() }
    let alone = try result([1, 5, 9, 9]) {
        try .convolution(x, weight: weight, bias: nil, window: window, groups: 1, into: $0)
    }
    for each in results { #expect(each.floats == alone.floats) }
}
