// Test support: a builder of networks, random data, and comparisons.

import Compute
import Model
import Testing

@testable import Collapse

/// Builds a network layer by layer, with the names that a file would give.
struct Network {
    var graph = Graph()
    /// The input of the next layer.
    var value: ValueID
    private var random: SeededRandom

    init(batch: Int = 4, _ sizes: [Int], seed: UInt64 = 1) throws {
        random = SeededRandom(seed: seed)
        value = graph.addInput("x", .float(try Shape([batch] + sizes)))
    }

    /// The form of a linear layer's bias.
    enum Bias: CaseIterable { case none, operand, addedRight, addedLeft }

    mutating func numbers(_ sizes: [Int], _ range: ClosedRange<Float> = -1...1) throws -> Tensor {
        let shape = try Shape(sizes)
        return try Tensor((0..<shape.elementCount).map { _ in Float.random(in: range, using: &random) }, shape)
    }

    mutating func parameter(_ name: String, _ tensor: Tensor, isTrainable: Bool = true) -> ValueID {
        graph.addParameter(Parameter(name: name, tensor: tensor, isTrainable: isTrainable))
    }

    @discardableResult
    mutating func linear(
        _ name: String, _ out: Int, isOutByIn: Bool = true, bias: Bias = .operand, offset: ClosedRange<Float> = -1...1
    ) throws -> ValueID {
        let inFeatures = try #require(graph.shape(value).dimensions.last)
        let bound = 1.5 / Float(inFeatures).squareRoot()
        let weight = parameter(
            name + ".weight", try numbers(isOutByIn ? [out, inFeatures] : [inFeatures, out], -bound...bound))
        var operands = [value, weight]
        var shift: ValueID?
        if bias != .none { shift = parameter(name + ".bias", try numbers([out], offset)) }
        if bias == .operand, let shift { operands.append(shift) }
        let op = Op.matMul(transposeLeft: false, transposeRight: isOutByIn)
        value = try graph.append(op, operands, name: "/\(name)/product", scope: name)
        if let shift, bias == .addedRight || bias == .addedLeft {
            let terms = bias == .addedRight ? [value, shift] : [shift, value]
            value = try graph.append(.binary(.add), terms, name: "/\(name)/sum", scope: name)
        }
        return value
    }

    /// Appends a convolution of single pixels, or another one if `groups` or `stride` is not 1.
    @discardableResult
    mutating func pointwise(
        _ name: String, _ out: Int, bias: Bias = .operand, groups: Int = 1, stride: Int = 1,
        offset: ClosedRange<Float> = -1...1
    ) throws -> ValueID {
        let (channels, axes) = (graph.shape(value)[1], graph.shape(value).rank - 2)
        let ones = [Int](repeating: 1, count: axes)
        var window = Window(pointwise: axes)
        window.strides = ones.map { _ in stride }
        let bound = 1.5 / Float(channels).squareRoot()
        var operands = [value]
        operands.append(parameter(name + ".weight", try numbers([out, channels / groups] + ones, -bound...bound)))
        let shift = bias == .none ? nil : try numbers([out] + (bias == .operand ? [] : ones), offset)
        let shiftValue = shift.map { parameter(name + ".bias", $0) }
        if bias == .operand, let shiftValue { operands.append(shiftValue) }
        value = try graph.append(
            .convolution(window, groups: groups), operands, name: "/\(name)/product", scope: name)
        if bias != .operand, let shiftValue {
            let terms = bias == .addedRight ? [value, shiftValue] : [shiftValue, value]
            value = try graph.append(.binary(.add), terms, name: "/\(name)/sum", scope: name)
        }
        return value
    }

    @discardableResult
    mutating func unary(_ kind: UnaryKind, _ name: String = "act") throws -> ValueID {
        try append(.unary(kind), name)
    }

    @discardableResult
    mutating func prelu(_ slopes: [Float], _ name: String = "act") throws -> ValueID {
        try append(.prelu, [parameter(name + ".slope", try Tensor(slopes, Shape([slopes.count])))], name)
    }

    @discardableResult
    mutating func batchNorm(_ name: String = "norm") throws -> ValueID {
        let channels = graph.shape(value)[1]
        let statistics = [
            parameter(name + ".scale", try numbers([channels], 0.5...2)),
            parameter(name + ".bias", try numbers([channels])),
            parameter(name + ".mean", try numbers([channels]), isTrainable: false),
            parameter(name + ".variance", try numbers([channels], 0.5...2), isTrainable: false),
        ]
        return try append(.batchNorm(epsilon: 1e-3), statistics, name)
    }

    /// Appends an op on the last value and others.
    @discardableResult
    mutating func append(_ op: Op, _ others: [ValueID], _ name: String) throws -> ValueID {
        value = try graph.append(op, [value] + others, name: "/\(name)/out", scope: name)
        return value
    }

    @discardableResult
    mutating func append(_ op: Op, _ name: String) throws -> ValueID { try append(op, [], name) }

    /// Appends a block `x + W2 s(W1 x + b1) + b2`.
    mutating func residual(_ name: String, hidden: Int, _ kind: UnaryKind = .relu) throws {
        let stream = value
        let width = try #require(graph.shape(value).dimensions.last)
        try linear(name + ".up", hidden)
        try unary(kind, name + ".act")
        try linear(name + ".down", width)
        try append(.binary(.add), [stream], name + ".sum")
    }

    /// Appends `max(x, 0.1)` on the first element of the last axis, by an op without a gradient.
    mutating func withoutDerivative(_ name: String = "scatter") throws {
        let shape = graph.shape(value)
        let sizes = try Shape(shape.dimensions.dropLast() + [1])
        let places = try graph.append(
            .constant(Tensor([Int64](repeating: 0, count: sizes.elementCount), sizes)), [])
        let updates = try graph.append(
            .constant(Tensor([Float](repeating: 0.1, count: sizes.elementCount), sizes)), [])
        try append(.scatterElements(.maximum, axis: shape.rank - 1), [places, updates], name)
    }

    mutating func finished(_ output: String = "logits") -> Graph {
        graph.addOutput(output, value)
        return graph
    }
}

/// A network of two linear layers with other ops in between.
func twoLayers(
    in inFeatures: Int = 5, hidden: Int = 9, out: Int = 3,
    between: (inout Network) throws -> Void = { try $0.unary(.relu) }
) throws -> Graph {
    var network = try Network([inFeatures])
    try network.linear("fc1", hidden)
    try between(&network)
    try network.linear("fc2", out)
    return network.finished()
}

func random(_ sizes: [Int], seed: UInt64, _ range: ClosedRange<Float> = -1...1) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    let shape = try Shape(sizes)
    return try Tensor((0..<shape.elementCount).map { _ in Float.random(in: range, using: &generator) }, shape)
}

func inputs(
    _ count: Int, _ sizes: [Int], seed: UInt64 = 42, _ range: ClosedRange<Float> = -1...1
) throws -> Dataset {
    Dataset(inputs: ["x": try random([count] + sizes, seed: seed, range)], count: count)
}

/// The values with a name that a graph computes for a data set.
func values(_ name: String, of graph: Graph, _ dataset: Dataset) throws -> Tensor {
    try graph.outputs(of: #require(graph.value(named: name)), for: dataset)
}

func logits(_ graph: Graph, _ dataset: Dataset) throws -> Tensor {
    try graph.outputs(of: graph.outputs[0].value, for: dataset)
}

func meanSquare(_ left: Tensor, _ right: Tensor) -> Double {
    let squares = zip(left.floats, right.floats).map { pow2(Double($0) - Double($1)) }
    return squares.reduce(0, +) / Double(squares.count)
}

func pow2(_ value: Double) -> Double { value * value }

/// Expects numbers to agree to `tolerance`, absolutely near zero and relatively elsewhere.
func expectClose(
    _ actual: [Double], _ expected: [Double], within tolerance: Double,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.count == expected.count, sourceLocation: sourceLocation)
    for (index, (left, right)) in zip(actual, expected).enumerated() {
        guard !(abs(left - right) <= tolerance * max(1, abs(right))) else { continue }
        Issue.record("element \(index) is \(left), expected \(right)", sourceLocation: sourceLocation)
        return
    }
}

func expectClose(
    _ actual: Tensor, _ expected: Tensor, within tolerance: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.shape == expected.shape, sourceLocation: sourceLocation)
    expectClose(
        actual.floats.map(Double.init), expected.floats.map(Double.init), within: tolerance,
        sourceLocation: sourceLocation)
}

extension BlockMoments {
    /// The moments of a block behind replaced ones, on one set of samples and from its start.
    func of(_ candidate: Candidate, in graph: Graph, on samples: Dataset) throws -> Moments {
        var before = PartialForward(original, [samples])
        return try of(candidate, in: PartialForward(graph, [samples]), behind: &before)[0]
    }
}
