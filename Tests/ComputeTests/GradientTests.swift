import Testing

@testable import Compute

/// An op and the operand that it is differentiated with respect to.
struct Derivative: Sendable, CustomTestStringConvertible {
    var name: String
    /// Creates the operands for each test; the first is the one that is varied.
    var operands: @Sendable () throws -> [Tensor]
    var result: [Int]
    var forward: @Sendable ([Tensor], Tensor) throws -> Step
    /// Takes the operands, `dy`, and the tensor for the gradient.
    var backward: @Sendable ([Tensor], Tensor, Tensor) throws -> Step
    var testDescription: String { name }
}

/// Numbers away from zero, where some functions have a corner.
private func cornerless(_ dimensions: [Int], seed: UInt64 = 1) throws -> Tensor {
    let x = try random(dimensions, seed: seed)
    x.copy(from: x.floats.map { $0 + ($0 < 0 ? -0.1 : 0.1) })
    return x
}

private func positive(_ dimensions: [Int]) throws -> Tensor {
    let x = try random(dimensions)
    x.copy(from: x.floats.map { abs($0) + 0.5 })
    return x
}

/// Numbers that are far apart, so that the largest remains the largest.
private func distinct(_ dimensions: [Int]) throws -> Tensor {
    let x = try zeros(dimensions)
    var generator = SeededRandom(seed: 5)
    x.copy(from: generator.shuffled(count: x.shape.elementCount).map { Float($0) * 0.1 })
    return x
}

private func unary(_ kind: UnaryKind, _ size: Int, positive isPositive: Bool = false) -> Derivative {
    Derivative(
        name: "\(kind) of \(size)", operands: { [try isPositive ? positive([size]) : cornerless([size])] },
        result: [size],
        forward: { try .unary(kind, $0[0], into: $1) },
        backward: { try .unaryBackward(kind, x: $0[0], dy: $1, into: $2) })
}

private func prelu(_ slope: [Int]) -> [Derivative] {
    [
        Derivative(
            name: "prelu by x, slope \(slope)", operands: { try [cornerless([2, 5, 13]), random(slope, seed: 2)] },
            result: [2, 5, 13], forward: { try .prelu($0[0], slope: $0[1], into: $1) },
            backward: { try .preluBackward($0[0], slope: $0[1], dy: $1, into: $2) }),
        Derivative(
            name: "prelu by slope \(slope)", operands: { try [random(slope, seed: 2), cornerless([2, 5, 13])] },
            result: [2, 5, 13], forward: { try .prelu($0[1], slope: $0[0], into: $1) },
            backward: { try .preluSlopeBackward($0[1], slope: $0[0], dy: $1, into: $2) }),
    ]
}

private func convolution(_ c: ConvolutionCase) -> [Derivative] {
    [
        Derivative(
            name: "\(c.testDescription) by x", operands: { try [random(c.x), random(c.weight, seed: 2)] }, result: c.y,
            forward: {
                try .convolution($0[0], weight: $0[1], bias: nil, window: c.window, groups: c.groups, into: $1)
            },
            backward: {
                try .convolutionBackwardData(dy: $1, weight: $0[1], window: c.window, groups: c.groups, into: $2)
            }),
        Derivative(
            name: "\(c.testDescription) by weight", operands: { try [random(c.weight), random(c.x, seed: 2)] },
            result: c.y,
            forward: {
                try .convolution($0[1], weight: $0[0], bias: nil, window: c.window, groups: c.groups, into: $1)
            },
            backward: { try .convolutionBackwardWeights($0[1], dy: $1, window: c.window, groups: c.groups, into: $2) }),
    ]
}

private let overlapping = Window(
    kernel: [3, 2], strides: [2, 1], dilations: [1, 1], padsBegin: [1, 0], padsEnd: [1, 1])

private let pooling = [
    Derivative(
        name: "maxPool", operands: { [try distinct([2, 3, 7, 5])] }, result: [2, 3, 4, 5],
        forward: { try .maxPool($0[0], window: overlapping, into: $1) },
        backward: { try .maxPoolBackward($0[0], dy: $1, window: overlapping, into: $2) }),
    Derivative(
        name: "averagePool with padding", operands: { [try random([2, 3, 7, 5])] }, result: [2, 3, 4, 5],
        forward: { try .averagePool($0[0], window: overlapping, countsIncludePad: true, into: $1) },
        backward: { try .averagePoolBackward(dy: $1, window: overlapping, countsIncludePad: true, into: $2) }),
    Derivative(
        name: "averagePool without padding", operands: { [try random([2, 3, 7, 5])] }, result: [2, 3, 4, 5],
        forward: { try .averagePool($0[0], window: overlapping, countsIncludePad: false, into: $1) },
        backward: { try .averagePoolBackward(dy: $1, window: overlapping, countsIncludePad: false, into: $2) }),
]

private func softmax(_ axis: Int) -> Derivative {
    Derivative(
        name: "softmax over axis \(axis)", operands: { [try random([3, 7, 13])] }, result: [3, 7, 13],
        forward: { try .softmax($0[0], axis: axis, into: $1) },
        backward: { operands, dy, dx in
            let y = try result([3, 7, 13]) { try .softmax(operands[0], axis: axis, into: $0) }
            return try .softmaxBackward(y: y, dy: dy, axis: axis, into: dx)
        })
}

private let losses = [
    Derivative(
        name: "crossEntropy", operands: { try [random([7, 13]), labels()] }, result: [],
        forward: { try .crossEntropy(logits: $0[0], labels: $0[1], ignoreIndex: 3, into: $1) },
        backward: { try .crossEntropyBackward(logits: $0[0], labels: $0[1], ignoreIndex: 3, dLoss: $1, into: $2) }),
    Derivative(
        name: "distillation", operands: { try [random([7, 13]), random([7, 13], seed: 2)] }, result: [],
        forward: { try .distillation(teacher: $0[1], student: $0[0], into: $1) },
        backward: { try .distillationBackward(teacher: $0[1], student: $0[0], dLoss: $1, into: $2) }),
    Derivative(
        name: "binaryCrossEntropy", operands: { try [random([13]), positive([13])] }, result: [],
        forward: { try .binaryCrossEntropy(logits: $0[0], targets: $0[1], into: $1) },
        backward: { try .binaryCrossEntropyBackward(logits: $0[0], targets: $0[1], dLoss: $1, into: $2) }),
    Derivative(
        name: "meanSquare", operands: { try [random([65]), random([65], seed: 2)] }, result: [],
        forward: { try .meanSquare($0[0], $0[1], into: $1) },
        backward: { try .meanSquareBackward($0[0], $0[1], dLoss: $1, into: $2) }),
]

private func labels() throws -> Tensor { try Tensor([0, 3, 12, 5, 3, 1, 7] as [Int64], Shape([7])) }

private let derivatives: [Derivative] =
    [UnaryKind.relu, .leakyRelu(slope: 0.2), .sigmoid, .tanh, .gelu, .geluTanh, .erf, .exp, .negate].flatMap { kind in
        [1, 7, 13, 65].map { unary(kind, $0) }
    } + [UnaryKind.log, .sqrt, .reciprocal].map { unary($0, 65, positive: true) }
    + [[1], [5, 1], [13]].flatMap(prelu) + convolutionCases.flatMap(convolution) + pooling + (0..<3).map(softmax)
    + losses

@Test(arguments: derivatives)
func `a derivative agrees with differences of the forward step`(derivative: Derivative) throws {
    let operands = try derivative.operands()
    let (x, y) = (operands[0], try zeros(derivative.result))
    let dy = try random(derivative.result, seed: 9)
    if derivative.result.isEmpty { dy.copy(from: [0.7]) }
    let forward = try derivative.forward(operands, y)
    let actual = try result(x.shape.dimensions) { try derivative.backward(operands, dy, $0) }.floats
    let weights = dy.floats.map { Double($0) }
    func weighted(_ values: [Float]) -> Double {
        x.copy(from: values)
        forward.run()
        return zip(y.floats, weights).reduce(0) { $0 + Double($1.0) * $1.1 }
    }

    let values = x.floats
    let step: Float = 1e-2
    var (worst, largest) = (0.0, 0.0)
    // Thirty elements, spread over the operand, are enough and fast.
    for index in Swift.stride(from: 0, to: values.count, by: max(1, values.count / 30)) {
        var (above, below) = (values, values)
        above[index] += step
        below[index] -= step
        let expected = (weighted(above) - weighted(below)) / Double(above[index] - below[index])
        worst = max(worst, abs(expected - Double(actual[index])))
        largest = max(largest, abs(expected))
    }
    #expect(worst <= 1e-2 * max(largest, 1e-3), "off by \(worst) where derivatives reach \(largest)")
}
