import Testing

@testable import Compute

/// The sizes and the window of a convolution under test.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
    var x: [Int]
    var weight: [Int]
    var strides: [Int]
    var dilations: [Int]
    var pads: [Int]
    var groups = 1

    var window: Window {
        Window(
            kernel: Array(weight.dropFirst(2)), strides: strides, dilations: dilations, padsBegin: pads,
            padsEnd: pads.map { $0 + 1 })
    }
    var y: [Int] {
        [x[0], weight[0]]
            + strides.indices.map { axis in
                let reach = (weight[axis + 2] - 1) * dilations[axis] + 1
                return (x[axis + 2] + 2 * pads[axis] + 1 - reach) / strides[axis] + 1
            }
    }
    var testDescription: String { "\(weight) over \(x), strides \(strides), dilations \(dilations), groups \(groups)" }
}

let convolutionCases = [
    ConvolutionCase(x: [2, 3, 7, 9], weight: [5, 3, 3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1]),
    ConvolutionCase(x: [1, 1, 1, 1], weight: [1, 1, 1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0]),
    ConvolutionCase(x: [3, 16, 13, 6], weight: [32, 16, 3, 2], strides: [2, 1], dilations: [1, 2], pads: [0, 1]),
    ConvolutionCase(
        x: [2, 6, 5, 5], weight: [4, 3, 3, 3], strides: [1, 2], dilations: [2, 1], pads: [2, 0], groups: 2),
    ConvolutionCase(
        x: [2, 7, 6, 6], weight: [7, 1, 3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1], groups: 7),
    ConvolutionCase(x: [2, 65, 13], weight: [7, 65, 5], strides: [2], dilations: [1], pads: [2]),
    ConvolutionCase(
        x: [1, 2, 4, 3, 5], weight: [3, 2, 2, 2, 3], strides: [1, 1, 2], dilations: [1, 1, 1], pads: [0, 1, 0]),
]

@Test(arguments: convolutionCases)
func `a convolution agrees with sums in Float64`(c: ConvolutionCase) throws {
    let (x, weight) = try (random(c.x, seed: 1), random(c.weight, seed: 2))
    for bias in [nil, try random([c.weight[0]], seed: 3)] {
        let y = try result(c.y) {
            try .convolution(x, weight: weight, bias: bias, window: c.window, groups: c.groups, into: $0)
        }
        let (a, w, b) = (x.floats, weight.floats, bias?.floats)
        let expected = (0..<y.shape.elementCount).map { element in
            let out = place(element, in: c.y)
            var sum = b.map { Double($0[out[1]]) } ?? 0
            let group = out[1] / (c.weight[0] / c.groups)
            for tap in 0..<c.weight.dropFirst().reduce(1, *) {
                let under = place(tap, in: Array(c.weight.dropFirst()))
                var from = [out[0], group * c.weight[1] + under[0]]
                for axis in c.strides.indices {
                    from.append(out[axis + 2] * c.strides[axis] - c.pads[axis] + under[axis + 1] * c.dilations[axis])
                }
                guard zip(from, c.x).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
                sum += Double(a[position(from, in: c.x)]) * Double(w[position([out[1]] + under, in: c.weight)])
            }
            return sum
        }
        expectClose(y.floats, expected)
        let rectified = try result(c.y) {
            try .convolution(
                x, weight: weight, bias: bias, window: c.window, groups: c.groups, activation: .relu, into: $0)
        }
        expectClose(rectified.floats, expected.map { max(0, $0) })
    }
}

@Test(arguments: convolutionCases)
func `a weight that stays is the same weight`(c: ConvolutionCase) throws {
    var weight = try random(c.weight, seed: 2)
    let (x, dy) = try (random(c.x, seed: 1), random(c.y, seed: 3))
    func run() throws -> [[Float]] {
        [
            try result(c.y) {
                try .convolution(x, weight: weight, bias: nil, window: c.window, groups: c.groups, into: $0)
            }.floats,
            try result(c.x) {
                try .convolutionBackwardData(dy: dy, weight: weight, window: c.window, groups: c.groups, into: $0)
            }.floats,
        ]
    }
    let expected = try run()
    weight.isFixed = true
    #expect(try run() == expected)
}

/// Sizes large enough for Winograd's algorithm, where the processor supports it.
@Test func `a wide convolution and its derivatives agree with sums in Float64`() throws {
    let window = Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1])
    let (x, weight) = try (random([2, 64, 17, 18], seed: 1), random([64, 64, 3, 3], seed: 2))
    let dy = try random([2, 64, 17, 18], seed: 3)
    let y = try result([2, 64, 17, 18]) {
        try .convolution(x, weight: weight, bias: nil, window: window, groups: 1, into: $0)
    }
    let (a, w) = (x.floats, weight.floats)
    let samples = Array(stride(from: 0, to: y.shape.elementCount, by: 977))
    let expected = samples.map { element in
        let out = place(element, in: y.shape.dimensions)
        var sum = 0.0
        for channel in 0..<64 {
            for tap in 0..<9 {
                let (row, column) = (out[2] + tap / 3 - 1, out[3] + tap % 3 - 1)
                guard row >= 0, row < 17, column >= 0, column < 18 else { continue }
                let element = a[((out[0] * 64 + channel) * 17 + row) * 18 + column]
                sum += Double(element) * Double(w[(out[1] * 64 + channel) * 9 + tap])
            }
        }
        return sum
    }
    expectClose(samples.map { y.floats[$0] }, expected, within: 2e-5)
    let rectified = try result([2, 64, 17, 18]) {
        try .convolution(x, weight: weight, bias: nil, window: window, groups: 1, activation: .relu, into: $0)
    }
    #expect(rectified.floats == y.floats.map { max(0, $0) })

    // A convolution is linear in both: `y . dy = x . dx = w . dw`.
    func product(_ left: [Float], _ right: [Float]) -> Double {
        zip(left, right).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let dx = try result([2, 64, 17, 18]) {
        try .convolutionBackwardData(dy: dy, weight: weight, window: window, groups: 1, into: $0)
    }
    let dWeight = try result([64, 64, 3, 3]) {
        try .convolutionBackwardWeights(x, dy: dy, window: window, groups: 1, into: $0)
    }
    let total = product(y.floats, dy.floats)
    #expect(abs(product(a, dx.floats) - total) < 1e-4 * abs(total) + 1e-2)
    #expect(abs(product(w, dWeight.floats) - total) < 1e-4 * abs(total) + 1e-2)
}

@Test func `a convolution whose sizes do not fit is refused`() throws {
    let c = convolutionCases[0]
    let (x, weight, y) = try (zeros(c.x), zeros([5, 2, 3, 3]), zeros(c.y))
    #expect(throws: ComputeError.shape(.mismatch(operation: "convolution", x.shape, weight.shape))) {
        try Step.convolution(x, weight: weight, bias: nil, window: c.window, groups: 1, into: y)
    }
}
