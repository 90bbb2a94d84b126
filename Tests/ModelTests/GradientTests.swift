import Compute
import Testing

@testable import Model

/// An op under test: the shapes of its operands, and the function that appends it to a graph.
struct GradientCase: CustomTestStringConvertible, Sendable {
    let name: String
    let shapes: [[Int]]
    let range: ClosedRange<Float>
    let build: @Sendable (inout Graph, [ValueID]) throws -> ValueID

    var testDescription: String { name }

    init(
        _ name: String, _ shapes: [[Int]], range: ClosedRange<Float> = -1...1,
        build: @escaping @Sendable (inout Graph, [ValueID]) throws -> ValueID
    ) {
        self.name = name
        self.shapes = shapes
        self.range = range
        self.build = build
    }

    init(_ name: String, _ op: Op, _ shapes: [[Int]], range: ClosedRange<Float> = -1...1) {
        self.init(name, shapes, range: range) { graph, operands in try graph.append(op, operands) }
    }
}

private func window(_ kernel: [Int], stride: Int = 1, pad: Int = 0, dilation: Int = 1) -> Window {
    let ones = kernel.map { _ in 1 }
    return Window(
        kernel: kernel, strides: ones.map { $0 * stride }, dilations: ones.map { $0 * dilation },
        padsBegin: ones.map { $0 * pad }, padsEnd: ones.map { $0 * pad })
}

private let cases: [GradientCase] = [
    GradientCase("matMul", .matMul(transposeLeft: false, transposeRight: false), [[3, 5], [5, 7]]),
    GradientCase(
        "matMul, right transposed, bias", .matMul(transposeLeft: false, transposeRight: true), [[3, 5], [7, 5], [7]]),
    GradientCase("matMul, left transposed", .matMul(transposeLeft: true, transposeRight: false), [[5, 3], [5, 7]]),
    GradientCase("matMul, both transposed", .matMul(transposeLeft: true, transposeRight: true), [[5, 3], [7, 5]]),
    GradientCase(
        "matMul, batched by a matrix", .matMul(transposeLeft: false, transposeRight: false), [[2, 3, 5], [5, 4]]),
    GradientCase(
        "matMul, batched by a transposed matrix", .matMul(transposeLeft: false, transposeRight: true),
        [[2, 3, 5], [4, 5], [4]]),
    GradientCase(
        "matMul, batched both", .matMul(transposeLeft: false, transposeRight: true), [[2, 2, 3, 5], [2, 2, 4, 5]]),
    GradientCase(
        "matMul, broadcast batch", .matMul(transposeLeft: false, transposeRight: false), [[2, 1, 3, 5], [3, 5, 4]]),
    GradientCase("transposed convolution", [[2, 4, 3, 4], [4, 3, 3, 2]]) { graph, operands in
        let window = window([3, 2], stride: 2, pad: 1)
        return try graph.append(.convolutionDataGradient(window, groups: 2, Shape([2, 6, 5, 6])), operands)
    },
    GradientCase("add", .binary(.add), [[3, 4], [3, 4]]),
    GradientCase("add, broadcast", .binary(.add), [[2, 3, 4], [3, 1]]),
    GradientCase("subtract, broadcast", .binary(.subtract), [[4], [2, 3, 4]]),
    GradientCase("multiply, broadcast", .binary(.multiply), [[2, 3, 4], [2, 1, 4]]),
    GradientCase("divide", .binary(.divide), [[3, 4], [3, 4]], range: 1...2),
    GradientCase("divide by a row", .binary(.divide), [[3, 4], [4]], range: 1...2),
    GradientCase("relu", .unary(.relu), [[5, 13]]),
    GradientCase("leakyRelu", .unary(.leakyRelu(slope: 0.1)), [[5, 13]]),
    GradientCase("sigmoid", .unary(.sigmoid), [[5, 13]]),
    GradientCase("tanh", .unary(.tanh), [[5, 13]]),
    GradientCase("gelu", .unary(.gelu), [[5, 13]]),
    GradientCase("geluTanh", .unary(.geluTanh), [[5, 13]]),
    GradientCase("erf", .unary(.erf), [[5, 13]]),
    GradientCase("exp", .unary(.exp), [[5, 13]]),
    GradientCase("log", .unary(.log), [[5, 13]], range: 0.5...2),
    GradientCase("sqrt", .unary(.sqrt), [[5, 13]], range: 0.5...2),
    GradientCase("negate", .unary(.negate), [[5, 13]]),
    GradientCase("reciprocal", .unary(.reciprocal), [[5, 13]], range: 1...2),
    GradientCase("absolute", .unary(.absolute), [[5, 13]]),
    GradientCase("sign", .unary(.sign), [[5, 13]]),
    GradientCase("floor", .unary(.floor), [[5, 13]], range: 0.1...0.9),
    GradientCase("ceiling", .unary(.ceiling), [[5, 13]], range: 0.1...0.9),
    GradientCase("round", .unary(.round), [[5, 13]], range: 0.6...1.4),
    GradientCase("sin", .unary(.sin), [[5, 13]], range: -3...3),
    GradientCase("cos", .unary(.cos), [[5, 13]], range: -3...3),
    GradientCase("softplus", .unary(.softplus), [[5, 13]], range: -3...3),
    GradientCase("softsign", .unary(.softsign), [[5, 13]]),
    GradientCase("hardSigmoid", .unary(.hardSigmoid(alpha: 0.5, beta: 0.4)), [[5, 2]], range: -3...3),
    GradientCase("hardSwish", .unary(.hardSwish), [[5, 4]], range: -5...5),
    GradientCase("clip", .unary(.clip(minimum: -0.5, maximum: 0.4)), [[3, 5]]),
    GradientCase("clip, no upper end", .unary(.clip(minimum: 0, maximum: .infinity)), [[3, 5]]),
    GradientCase("elu", .unary(.elu(alpha: 0.7)), [[5, 13]]),
    GradientCase("mish", .unary(.mish), [[5, 13]], range: -3...3),
    GradientCase("SiLU", .unary(.swish(alpha: 1)), [[5, 13]], range: -3...3),
    GradientCase("QuickGELU", .unary(.swish(alpha: 1.702)), [[5, 13]], range: -3...3),
    GradientCase("power", .binary(.power), [[3, 4], [3, 4]], range: 0.5...2),
    GradientCase("power, a number for all", .binary(.power), [[3, 4], [1]], range: 0.5...2),
    GradientCase("power, one number", .binary(.power), [[1], [3, 4]], range: 0.5...2),
    GradientCase("power, square", [[3, 4]], range: 0.5...2) { graph, x in try power(2, &graph, x) },
    GradientCase("power, cube", [[3, 4]], range: 0.5...2) { graph, x in try power(3, &graph, x) },
    GradientCase("power, root", [[3, 4]], range: 0.5...2) { graph, x in try power(0.5, &graph, x) },
    GradientCase("power, reciprocal", [[3, 4]], range: 0.5...2) { graph, x in try power(-1, &graph, x) },
    GradientCase("power, 2.5", [[3, 4]], range: 0.5...2) { graph, x in try power(2.5, &graph, x) },
    GradientCase("power, none", [[3, 4]], range: 0.5...2) { graph, x in try power(0, &graph, x) },
    GradientCase("minimum", .binary(.minimum), [[3, 4], [3, 4]]),
    GradientCase("maximum, broadcast", .binary(.maximum), [[2, 3, 4], [3, 1]]),
    GradientCase("modulo", .binary(.modulo), [[2, 3], [3]], range: 1...2),
    GradientCase("remainder", .binary(.remainder), [[2, 3], [2, 1]], range: 1...2),
    GradientCase("select", [[2, 3, 4], [3, 1]]) { graph, x in
        let truths = (0..<8).map { $0 % 3 == 0 }
        let condition = try graph.append(.constant(Tensor(truths, Shape([2, 1, 4]))), [])
        return try graph.append(.select, [condition, x[0], x[1]])
    },
    GradientCase("prelu, one slope", .prelu, [[4, 6], [1]]),
    GradientCase("prelu, a slope a channel", .prelu, [[2, 3, 4, 5], [3, 1, 1]]),
    GradientCase("prelu, a slope a feature", .prelu, [[4, 6], [6]]),
    GradientCase("softmax, last axis", .softmax(axis: 1), [[3, 7]]),
    GradientCase("softmax, middle axis", .softmax(axis: 1), [[2, 5, 3]]),
    GradientCase("softmax, first axis", .softmax(axis: 0), [[7, 3, 2]]),
    GradientCase("logSoftmax, last axis", .logSoftmax(axis: 1), [[3, 7]]),
    GradientCase("logSoftmax, first axis", .logSoftmax(axis: 0), [[5, 3]]),
    GradientCase("layerNorm", .norm(.layer, axes: 1, epsilon: 1e-3), [[3, 9], [9], [9]]),
    GradientCase("layerNorm, no bias", .norm(.layer, axes: 2, epsilon: 1e-3), [[3, 3, 5], [3, 5]]),
    GradientCase("layerNorm, no scale", .norm(.layer, axes: 1, epsilon: 1e-3), [[2, 3, 33]]),
    GradientCase("rmsNorm", .norm(.rootMeanSquare, axes: 1, epsilon: 1e-3), [[3, 9], [9]]),
    GradientCase("rmsNorm, no scale", .norm(.rootMeanSquare, axes: 1, epsilon: 1e-3), [[2, 3, 10]]),
    GradientCase("convolution", .convolution(window([3, 3], pad: 1), groups: 1), [[2, 3, 5, 6], [4, 3, 3, 3], [4]]),
    GradientCase(
        "convolution, stride", .convolution(window([3, 3], stride: 2, pad: 1), groups: 1),
        [[2, 3, 7, 7], [4, 3, 3, 3]]),
    GradientCase(
        "convolution, dilation", .convolution(window([3, 3], dilation: 2), groups: 1),
        [[1, 2, 7, 8], [3, 2, 3, 3], [3]]),
    GradientCase(
        "convolution, groups", .convolution(window([3, 3], pad: 1), groups: 2), [[2, 4, 5, 5], [6, 2, 3, 3], [6]]),
    GradientCase(
        "convolution, depthwise", .convolution(window([3, 3], pad: 1), groups: 4), [[2, 4, 5, 5], [4, 1, 3, 3]]),
    GradientCase("convolution, 1x1", .convolution(window([1, 1]), groups: 1), [[2, 5, 3, 3], [7, 5, 1, 1], [7]]),
    GradientCase("convolution, one axis", .convolution(window([3], pad: 1), groups: 1), [[2, 3, 8], [4, 3, 3], [4]]),
    GradientCase("maxPool", .maxPool(window([2, 2], stride: 2)), [[2, 3, 6, 6]]),
    GradientCase("maxPool, overlapping and padded", .maxPool(window([3, 3], stride: 2, pad: 1)), [[2, 2, 7, 7]]),
    GradientCase("averagePool", .averagePool(window([2, 2], stride: 2), countsPadding: false), [[2, 3, 6, 6]]),
    GradientCase(
        "averagePool, padding not counted", .averagePool(window([3, 3], stride: 2, pad: 1), countsPadding: false),
        [[2, 2, 7, 7]]),
    GradientCase(
        "averagePool, padding counted", .averagePool(window([3, 3], stride: 2, pad: 1), countsPadding: true),
        [[2, 2, 7, 7]]),
    GradientCase("reduce sum", .reduce(.sum, axes: [1], keepsAxes: false), [[3, 4, 5]]),
    GradientCase("reduce mean, kept axes", .reduce(.mean, axes: [2, 3], keepsAxes: true), [[2, 3, 4, 5]]),
    GradientCase("reduce maximum", .reduce(.maximum, axes: [1], keepsAxes: false), [[3, 4, 5]]),
    GradientCase("reduce minimum, kept axes", .reduce(.minimum, axes: [0, 2], keepsAxes: true), [[3, 4, 5]]),
    GradientCase("reduce product", .reduce(.product, axes: [2], keepsAxes: false), [[3, 4, 5]], range: 0.5...1.5),
    GradientCase("reduce product, zeros", [[2, 3]]) { graph, x in
        let zeros = try graph.append(.constant(Tensor([0, 1, 1, 0, 0, 1] as [Float], Shape([2, 3]))), [])
        let product = try graph.append(.binary(.multiply), [x[0], zeros])
        return try graph.append(.reduce(.product, axes: [1], keepsAxes: false), [product])
    },
    GradientCase("reduce sumSquare", .reduce(.sumSquare, axes: [1, 2], keepsAxes: false), [[3, 4, 5]]),
    GradientCase("reduce l1", .reduce(.l1, axes: [1], keepsAxes: true), [[3, 4, 5]]),
    GradientCase("reduce l2", .reduce(.l2, axes: [2], keepsAxes: false), [[3, 4, 5]]),
    GradientCase("reduce logSum", .reduce(.logSum, axes: [0], keepsAxes: false), [[3, 4]], range: 0.5...2),
    GradientCase("reduce logSumExp", .reduce(.logSumExp, axes: [1], keepsAxes: false), [[3, 4, 5]]),
    GradientCase("cumulativeSum", .cumulativeSum(axis: 1, isExclusive: false, isReversed: false), [[2, 4, 3]]),
    GradientCase(
        "cumulativeSum, exclusive and reversed", .cumulativeSum(axis: 2, isExclusive: true, isReversed: true),
        [[2, 3, 4]]),
    GradientCase("resample, nearest", [[2, 3, 4]]) { graph, x in
        try resample(5, axis: 1, .nearest(.halfDown), &graph, x)
    },
    GradientCase("resample, linear", [[2, 3, 4]]) { graph, x in try resample(7, axis: 2, .linear, &graph, x) },
    GradientCase("resample, linear and smaller", [[2, 7, 4]]) { graph, x in
        try resample(3, axis: 1, .linear, &graph, x)
    },
    GradientCase("resample, averaging", [[2, 7, 4]]) { graph, x in
        try resample(3, axis: 1, .cubic(coefficient: -0.75, excludesOutside: false), averaging: .everywhere, &graph, x)
    },
    GradientCase("resample, cubic", [[2, 5]]) { graph, x in
        try resample(9, axis: 1, .cubic(coefficient: -0.75, excludesOutside: true), &graph, x)
    },
    GradientCase("pad", .pad(.constant, before: [0, 2], after: [1, 0]), [[3, 4], [1]]),
    GradientCase("pad, cropping", .pad(.constant, before: [-1, 2], after: [1, -2]), [[3, 4], [1]]),
    GradientCase("pad, edge", .pad(.edge, before: [0, 2], after: [1, 2]), [[3, 4]]),
    GradientCase("pad, reflect", .pad(.reflect, before: [0, 2], after: [1, 2]), [[3, 4]]),
    GradientCase("pad, wrap", .pad(.wrap, before: [0, 2], after: [1, -1]), [[3, 4]]),
    GradientCase("triangle, upper", .triangle(isUpper: true, diagonal: 0), [[2, 3, 4]]),
    GradientCase("triangle, lower", .triangle(isUpper: false, diagonal: -1), [[2, 3, 4]]),
    GradientCase("gather", [[4, 3]]) { graph, x in
        try graph.append(.gather(axis: 0), [x[0], try indices([1, -1, 1, 0, 9, 1], [2, 3], &graph)])
    },
    GradientCase("gather, last axis", [[2, 4]]) { graph, x in
        try graph.append(.gather(axis: 1), [x[0], try indices([2, 2], [2], &graph)])
    },
    GradientCase("gatherElements", [[3, 4]]) { graph, x in
        try graph.append(.gatherElements(axis: 0), [x[0], try indices([0, 2, 0, -1, 1, 2], [2, 3], &graph)])
    },
    GradientCase("gatherND", [[3, 4, 2]]) { graph, x in
        try graph.append(.gatherND(batchAxes: 0), [x[0], try indices([0, 2, 1, -1, 0, 2], [3, 2], &graph)])
    },
    GradientCase("gatherND, of a batch", [[2, 4, 3]]) { graph, x in
        try graph.append(.gatherND(batchAxes: 1), [x[0], try indices([0, 2, 1, 1], [2, 2, 1], &graph)])
    },
    GradientCase("scatterElements", [[3, 4], [2, 2]]) { graph, x in
        let places = try indices([0, 1, 2, 0], [2, 2], &graph)
        return try graph.append(.scatterElements(.replace, axis: 0), [x[0], places, x[1]])
    },
    GradientCase("scatterElements, added", [[3, 4], [2, 2]]) { graph, x in
        let places = try indices([1, 1, 3, 3], [2, 2], &graph)
        return try graph.append(.scatterElements(.add, axis: 1), [x[0], places, x[1]])
    },
    GradientCase("scatterND", [[3, 4], [2, 4]]) { graph, x in
        try graph.append(.scatterND(.replace, batchAxes: 0), [x[0], try indices([2, 0], [2, 1], &graph), x[1]])
    },
    GradientCase("scatterND, added", [[3, 4], [3]]) { graph, x in
        let places = try indices([2, 1, 0, 0, 2, 1], [3, 2], &graph)
        return try graph.append(.scatterND(.add, batchAxes: 0), [x[0], places, x[1]])
    },
    GradientCase("transpose", .transpose([2, 0, 1]), [[3, 4, 5]]),
    GradientCase("concat", .concat(axis: 1), [[2, 3, 4], [2, 5, 4]]),
    GradientCase("slice", .slice(axis: 1, start: 1, count: 2), [[3, 5, 4]]),
    GradientCase("slice by 2", .slice(axis: 1, start: 1, count: 2, step: 2), [[3, 5, 4]]),
    GradientCase("slice backwards", .slice(axis: 0, start: 2, count: 3, step: -1), [[3, 5]]),
    GradientCase("slices that are all", [[3, 5, 2]]) { graph, x in
        try pieces([(2, 2), (0, 2), (4, 1)], of: x[0], &graph)
    },
    GradientCase("slices that leave a gap", [[3, 5, 2]]) { graph, x in try pieces([(0, 2), (3, 2)], of: x[0], &graph) },
    GradientCase("slices that overlap", [[3, 5, 2]]) { graph, x in try pieces([(0, 3), (1, 4)], of: x[0], &graph) },
    GradientCase("slices beside the whole", [[3, 4]]) { graph, x in
        let halves = try pieces([(2, 2), (0, 2)], of: x[0], &graph)
        return try graph.append(.binary(.multiply), [x[0], halves])
    },
    GradientCase("slices on two axes", [[4, 4]]) { graph, x in
        let first = try graph.append(.slice(axis: 0, start: 0, count: 2), [x[0]])
        let second = try graph.append(.slice(axis: 1, start: 2, count: 2), [x[0]])
        return try graph.append(.matMul(transposeLeft: false, transposeRight: false), [first, second])
    },
    GradientCase("reshape", [[3, 4]]) { graph, x in try graph.append(.reshape(Shape([2, 6])), x) },
    GradientCase("broadcast", [[3, 1]]) { graph, x in try graph.append(.broadcast(Shape([2, 3, 4])), x) },
    GradientCase("batchNorm, matrix", [[5, 3], [3], [3]]) { graph, x in try batchNorm(&graph, x, channels: 3) },
    GradientCase("batchNorm, images", [[2, 3, 4, 4], [3], [3]]) { graph, x in try batchNorm(&graph, x, channels: 3) },
    GradientCase("an operand read twice", [[3, 4]]) { graph, x in try graph.append(.binary(.multiply), [x[0], x[0]]) },
    GradientCase("meanSquare", .meanSquare, [[3, 4], [3, 4]]),
    GradientCase("crossEntropy", [[4, 5]]) { graph, x in
        let labels = try graph.append(.constant(Tensor([0, 4, -100, 2] as [Int64], Shape([4]))), [])
        return try graph.append(.crossEntropy(ignoring: -100), [x[0], labels])
    },
    GradientCase("crossEntropy of sequences", [[2, 3, 5]]) { graph, x in
        let labels = try graph.append(.constant(Tensor([0, 4, 1, 2, -100, 3] as [Int64], Shape([2, 3]))), [])
        return try graph.append(.crossEntropy(ignoring: -100), [x[0], labels])
    },
    GradientCase("distillation", [[3, 4]]) { graph, x in
        let teacher = try graph.append(.constant(random(Shape([3, 4]), seed: 99, -1...1)), [])
        return try graph.append(.distillation, [teacher, x[0]])
    },
    GradientCase("binaryCrossEntropy", [[3, 4]]) { graph, x in
        let targets = try graph.append(.constant(random(Shape([3, 4]), seed: 98, 0...1)), [])
        return try graph.append(.binaryCrossEntropy, [x[0], targets])
    },
]

private func power(_ exponent: Float, _ graph: inout Graph, _ x: [ValueID]) throws -> ValueID {
    try graph.append(.binary(.power), [x[0], try graph.append(.constant(Tensor([exponent], Shape([]))), [])])
}

private func resample(
    _ count: Int, axis: Int, _ interpolation: Resampling.Interpolation, averaging: Resampling.Averaging? = nil,
    _ graph: inout Graph, _ x: [ValueID]
) throws -> ValueID {
    let resampling = Resampling(
        graph.shape(x[0])[axis], to: count, interpolation, .halfPixel, averaging: averaging)
    return try graph.append(.resample(#require(resampling), axis: axis), x)
}

/// Parts of `x` along its second axis, joined in the order given.
private func pieces(_ parts: [(start: Int, count: Int)], of x: ValueID, _ graph: inout Graph) throws -> ValueID {
    let slices = try parts.map { try graph.append(.slice(axis: 1, start: $0.start, count: $0.count), [x]) }
    return try graph.append(.concat(axis: 1), slices)
}

private func indices(_ places: [Int64], _ sizes: [Int], _ graph: inout Graph) throws -> ValueID {
    try graph.append(.constant(Tensor(places, Shape(sizes))), [])
}

private func batchNorm(_ graph: inout Graph, _ x: [ValueID], channels: Int) throws -> ValueID {
    let shape = try Shape([channels])
    let mean = try graph.append(.constant(random(shape, seed: 96, -1...1)), [])
    let variance = try graph.append(.constant(random(shape, seed: 97, 0.5...2)), [])
    return try graph.append(.batchNorm(epsilon: 1e-5), x + [mean, variance])
}

/// Seeded numbers, none so close to zero that a difference quotient reaches it: some functions have a kink there.
func random(_ shape: Shape, seed: UInt64, _ range: ClosedRange<Float>) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    let values = (0..<shape.elementCount).map { _ in
        let value = Float.random(in: range, using: &generator)
        return abs(value) < 0.05 && range.lowerBound < 0 ? value + (value < 0 ? -0.05 : 0.05) : value
    }
    return try Tensor(values, shape)
}

/// Seeded numbers so far apart that a difference quotient does not change which is the largest.
private func apart(_ shape: Shape, seed: UInt64) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    return try Tensor(generator.shuffled(count: shape.elementCount).map { Float($0) * 0.0625 }, shape)
}

@Test(arguments: cases)
func `a derivative equals the difference quotient`(test: GradientCase) throws {
    var graph = Graph()
    var operands: [ValueID] = []
    for (index, sizes) in test.shapes.enumerated() {
        operands.append(graph.addInput("x\(index)", .float(try Shape(sizes))))
    }
    // A random projection makes a scalar whose gradient distinguishes all elements of the result.
    let result = try test.build(&graph, operands)
    let projection = try graph.append(.constant(random(graph.shape(result), seed: 7, 0.5...1.5)), [])
    let product = try graph.append(.binary(.multiply), [result, projection])
    let axes = Array(0..<graph.shape(product).rank)
    let loss = try graph.append(.reduce(.sum, axes: axes, keepsAxes: false), [product])
    let gradients = try graph.gradients(of: loss, withRespectTo: operands).map { try #require($0) }
    let plan = try ExecutionPlan(graph, fetching: [loss] + gradients)

    let values = try test.shapes.enumerated().map { index, sizes in
        let (shape, seed) = (try Shape(sizes), UInt64(index + 1))
        let hasLargest = ["maxPool", "reduce maximum", "reduce minimum"].contains { test.name.hasPrefix($0) }
        return try hasLargest ? apart(shape, seed: seed) : random(shape, seed: seed, test.range)
    }
    for (operand, value) in zip(operands, values) { plan.tensor(operand).copy(from: value) }
    plan.run()
    let derivatives = gradients.map { plan.tensor($0).floats }

    for (index, operand) in operands.enumerated() {
        #expect(graph.shape(gradients[index]) == graph.shape(operand))
        let original = values[index].floats
        let scale = max(derivatives[index].map(abs).max() ?? 0, 1e-3)
        let step: Float = 1e-2
        for element in original.indices {
            func shifted(_ shift: Float) -> Float {
                var moved = original
                moved[element] += shift
                plan.tensor(operand).copy(from: moved)
                plan.run()
                return plan.tensor(loss).floats[0]
            }
            // The five-point stencil: its error falls with the fourth power of the step, so that the step may be large
            // enough for Float32.
            let quotient =
                (8 * (shifted(step) - shifted(-step)) - (shifted(2 * step) - shifted(-2 * step))) / (12 * step)
            let error = abs(quotient - derivatives[index][element]) / scale
            #expect(error < 1e-2, "operand \(index), element \(element): \(derivatives[index][element]), \(quotient)")
        }
        plan.tensor(operand).copy(from: original)
    }
}

@Test(arguments: [ScatterKind.multiply, .minimum, .maximum])
func `what lies before an op without a derivative cannot be taught, and why is said`(kind: ScatterKind) throws {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([2, 3])))
    func layer(_ name: String, _ input: ValueID) throws -> ValueID {
        let tensor = try random(Shape([3, 3]), seed: 1, -1...1)
        let weight = graph.addParameter(Parameter(name: name, tensor: tensor, isTrainable: true))
        return try graph.append(.matMul(transposeLeft: false, transposeRight: true), [input, weight], name: name)
    }
    let first = try layer("first", x)
    let places = try graph.append(.constant(Tensor([Int64(0), 0], Shape([2, 1]))), [])
    let updates = try graph.append(.constant(Tensor([Float(1), 1], Shape([2, 1]))), [])
    let scattered = try graph.append(
        .scatterElements(kind, axis: 1), [first, places, updates], name: "scattered")
    let last = try layer("last", scattered)
    let isPositive = try graph.append(.compare(.greater), [last, last], name: "truth")
    let text = "'scattered' has no derivative: it scatters by \(kind.rawValue)"
    #expect(graph.obstacle(from: last, to: [0]) == text)
    #expect(graph.obstacle(from: last, to: [0, 1]) == text)
    #expect(graph.obstacle(from: last, to: [1]) == nil)
    #expect(graph.obstacle(from: last, to: []) == nil)
    #expect(graph.obstacle(from: first, to: [1]) == "no derivative leads from 'first' back to the layers")
    #expect(graph.obstacle(from: isPositive, to: [1]) == "'truth' has no derivative: it is of no floats")
}
