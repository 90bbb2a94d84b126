import Compute
import Testing

@testable import Model

/// One op under test: its operands' shapes, and how it is appended to a graph.
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
    GradientCase("prelu, one slope", .prelu, [[4, 6], [1]]),
    GradientCase("prelu, a slope a channel", .prelu, [[2, 3, 4, 5], [3, 1, 1]]),
    GradientCase("prelu, a slope a feature", .prelu, [[4, 6], [6]]),
    GradientCase("softmax, last axis", .softmax(axis: 1), [[3, 7]]),
    GradientCase("softmax, middle axis", .softmax(axis: 1), [[2, 5, 3]]),
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
    GradientCase("transpose", .transpose([2, 0, 1]), [[3, 4, 5]]),
    GradientCase("concat", .concat(axis: 1), [[2, 3, 4], [2, 5, 4]]),
    GradientCase("slice", .slice(axis: 1, start: 1, count: 2), [[3, 5, 4]]),
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

private func batchNorm(_ graph: inout Graph, _ x: [ValueID], channels: Int) throws -> ValueID {
    let shape = try Shape([channels])
    let mean = try graph.append(.constant(random(shape, seed: 96, -1...1)), [])
    let variance = try graph.append(.constant(random(shape, seed: 97, 0.5...2)), [])
    return try graph.append(.batchNorm(epsilon: 1e-5), x + [mean, variance])
}

/// Seeded numbers, none nearer to zero than a difference quotient reaches (kinks lie there).
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
    // A random projection makes a scalar whose derivative tells all elements of the result apart.
    let result = try test.build(&graph, operands)
    let projection = try graph.append(.constant(random(graph.shape(result), seed: 7, 0.5...1.5)), [])
    let product = try graph.append(.binary(.multiply), [result, projection])
    let axes = Array(0..<graph.shape(product).rank)
    let loss = try graph.append(.reduce(.sum, axes: axes, keepsAxes: false), [product])
    let gradients = try graph.gradients(of: loss, withRespectTo: operands).map { try #require($0) }
    let plan = try ExecutionPlan(graph, fetching: [loss] + gradients)

    let values = try test.shapes.enumerated().map { index, sizes in
        let (shape, seed) = (try Shape(sizes), UInt64(index + 1))
        return try test.name.hasPrefix("maxPool") ? apart(shape, seed: seed) : random(shape, seed: seed, test.range)
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
