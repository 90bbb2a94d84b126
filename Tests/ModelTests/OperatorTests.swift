import Compute
import Foundation
import Testing

@testable import Model

/// An op with operands and the result of NumPy, PyTorch or ONNX Runtime, from `Fixtures/operators.txt`, which
/// `Fixtures/operators.py` writes.
private struct Reference: CustomTestStringConvertible, Sendable {
    let name: String
    let operands: [Tensor]
    let result: Tensor
    var testDescription: String { "\(name) of \(operands.map { "\($0.type) \($0.shape)" })" }

    static let all: [Reference] = {
        let path = Bundle.module.bundlePath + "/Fixtures/operators.txt"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").compactMap { try? Reference(line: String($0)) }
    }()

    init(line: String) throws {
        let fields = line.split(separator: "|")
        let tensors = try fields.dropFirst().map { try Self.tensor(String($0)) }
        name = String(fields[0])
        operands = Array(tensors.dropLast())
        result = try #require(tensors.last)
    }

    /// Parses a type, sizes and elements, such as `float32 2,1 0.5 nan`.
    private static func tensor(_ text: String) throws -> Tensor {
        let words = text.split(separator: " ")
        let shape = try Shape(words[1].split(separator: ",").compactMap { Int($0) })
        let numbers = words.dropFirst(2)
        return switch try #require(ElementType(rawValue: String(words[0]))) {
        case .float32: try Tensor(numbers.compactMap { Float($0) }, shape)
        case .int64: try Tensor(numbers.compactMap { Int64($0) }, shape)
        case .int32: try Tensor(numbers.compactMap { Int32($0) }, shape)
        case .bool: try Tensor(numbers.map { $0 != "0" }, shape)
        }
    }

    /// The op that the name describes.
    func op() throws -> Op {
        let words = name.split(separator: " ").map(String.init)
        let number = words.last.flatMap { Int($0) } ?? 0
        if let kind = BinaryKind(rawValue: name) { return .binary(kind) }
        if let kind = CompareKind(rawValue: name) { return .compare(kind) }
        if let kind = LogicalKind(rawValue: name) { return .logical(kind) }
        switch words[0] {
        case "select": return .select
        case "isNaN": return .predicate(.isNaN)
        case "isInfinite": return .predicate(.isInfinite(positive: true, negative: true))
        case "isPositiveInfinite": return .predicate(.isInfinite(positive: true, negative: false))
        case "not": return .predicate(.not)
        case "reduce":
            let axes = words[2].split(separator: ",").compactMap { Int($0) }
            return .reduce(try #require(ReduceKind(rawValue: words[1])), axes: axes, keepsAxes: false)
        case "argmax":
            let takesLast = words[1] == "last"
            return .extreme(.maximum, axis: number, keepsAxis: takesLast, takesLast: takesLast)
        case "argmin": return .extreme(.minimum, axis: number, keepsAxis: false, takesLast: false)
        case "softmax": return .softmax(axis: number)
        case "logSoftmax": return .logSoftmax(axis: number)
        case "cumulativeSum":
            return .cumulativeSum(
                axis: number, isExclusive: words.contains("exclusive"), isReversed: words.contains("reversed"))
        case "layerNorm": return .norm(.layer, axes: number, epsilon: 1e-3)
        case "rmsNorm": return .norm(.rootMeanSquare, axes: number, epsilon: 1e-3)
        case "transpose": return .transpose([2, 0, 1])
        case "concat": return .concat(axis: 1)
        case "broadcast": return .broadcast(result.shape)
        case "reshape": return .reshape(result.shape)
        case "upper": return .triangle(isUpper: true, diagonal: number)
        case "lower": return .triangle(isUpper: false, diagonal: number)
        case "gather": return .gather(axis: number)
        case "gatherElements": return .gatherElements(axis: number)
        case "gatherND": return .gatherND(batchAxes: number)
        case "scatterElements": return .scatterElements(try #require(ScatterKind(rawValue: words[1])), axis: number)
        case "scatterND": return .scatterND(try #require(ScatterKind(rawValue: words[1])), batchAxes: number)
        case "slice": return try slice()
        case "pad": return try pad(words[1])
        case "resize": return try resize(words)
        case "derivative": return .unaryGradient(try #require(unaries[words[1]]))
        default: return .unary(try #require(unaries[name]))
        }
    }

    private func slice() throws -> Op {
        switch name {
        case "slice": .slice(axis: 1, start: 1, count: 2)
        case "slice by 2": .slice(axis: 1, start: 1, count: 2, step: 2)
        case "slice backwards": .slice(axis: 1, start: 4, count: 5, step: -1)
        default: .slice(axis: 1, start: 4, count: 2, step: -3)
        }
    }

    private func pad(_ word: String) throws -> Op {
        switch word {
        case "rows": return .pad(.constant, before: [1, 0, 0], after: [2, 0, 0])
        case "crop": return .pad(.constant, before: [0, -1, 1], after: [0, 2, -2])
        default: return .pad(try #require(PadKind(rawValue: word)), before: [0, 2, 0], after: [0, 1, 3])
        }
    }

    private func resize(_ words: [String]) throws -> Op {
        let coordinates: [String: Resampling.Coordinates] = [
            "half_pixel": .halfPixel, "half_pixel_symmetric": .halfPixelSymmetric,
            "pytorch_half_pixel": .pytorchHalfPixel, "asymmetric": .asymmetric, "align_corners": .alignCorners,
        ]
        let interpolation: Resampling.Interpolation =
            switch words[1] {
            case "linear": .linear
            case "cubic": .cubic(coefficient: -0.75, excludesOutside: false)
            default: .nearest(try #require(Resampling.Rounding(rawValue: words[2])))
            }
        let sizes = words.suffix(2).compactMap { Int($0) }
        let axis = try #require(Int(words[4]))
        let resampling = Resampling(sizes[0], to: sizes[1], interpolation, try #require(coordinates[words[3]]))
        return .resample(try #require(resampling), axis: axis)
    }
}

private let unaries: [String: UnaryKind] = [
    "absolute": .absolute, "sign": .sign, "negate": .negate, "floor": .floor, "ceiling": .ceiling, "round": .round,
    "sin": .sin, "cos": .cos, "softplus": .softplus, "softsign": .softsign,
    "hardSigmoid": .hardSigmoid(alpha: 0.3, beta: 0.4), "hardSwish": .hardSwish,
    "clip": .clip(minimum: -1.25, maximum: 1.5), "elu": .elu(alpha: 0.75), "mish": .mish, "silu": .swish(alpha: 1),
    "quickGelu": .swish(alpha: 1.702), "sigmoid": .sigmoid, "tanh": .tanh, "gelu": .gelu, "geluTanh": .geluTanh,
    "erf": .erf,
]

@Test func `there are numbers to compare with`() {
    #expect(Reference.all.count > 1000)
}

@Test(arguments: Reference.all)
private func `an op computes what NumPy and PyTorch compute`(reference: Reference) throws {
    var graph = Graph()
    let operands = reference.operands.map { graph.addInput("", ValueType($0)) }
    let value = try graph.append(reference.op(), operands)
    #expect(graph.type(value) == ValueType(reference.result))
    let plan = try ExecutionPlan(graph, fetching: [value])
    for (operand, tensor) in zip(operands, reference.operands) { plan.tensor(operand).copy(from: tensor) }
    // The results of an earlier run must not matter.
    plan.run()
    plan.run()
    expectEqual(plan.tensor(value), reference.result)
}

private func expectEqual(_ actual: Tensor, _ expected: Tensor) {
    switch expected.type {
    case .int64: return #expect(actual.int64s == expected.int64s)
    case .int32: return #expect(actual.int32s == expected.int32s)
    case .bool: return #expect(actual.bools == expected.bools)
    case .float32: break
    }
    for (index, (left, right)) in zip(actual.floats, expected.floats).enumerated() {
        let isClose = left == right || abs(left - right) <= 2e-5 * max(1, abs(right)) || (left.isNaN && right.isNaN)
        guard !isClose else { continue }
        return #expect(left == right, "element \(index)")
    }
}
