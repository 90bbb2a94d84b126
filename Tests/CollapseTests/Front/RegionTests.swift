import Compute
import Model
import Testing

@testable import Collapse

/// A residual stream of 12 features with a gated unit of 20 channels behind a layer: `W3 (silu(W1 x) * (W2 x))`.
private func gatedNetwork(isOneLayer: Bool, bias: Network.Bias = .none) throws -> Network {
    var result = try Network([5, 12])
    let stream = try result.linear("embed", 16)
    let (gate, up): (ValueID, ValueID)
    if isOneLayer {
        let both = try result.linear("both", 40, bias: bias)
        gate = try result.append(.slice(axis: 2, start: 0, count: 20), "gate")
        result.value = both
        up = try result.append(.slice(axis: 2, start: 20, count: 20), "up")
    } else {
        gate = try result.linear("gate", 20, bias: bias)
        result.value = stream
        up = try result.linear("up", 20, bias: bias)
    }
    result.value = gate
    try result.unary(.swish(alpha: 1))
    try result.append(.binary(.multiply), [up], "hidden")
    try result.linear("down", 16, bias: bias)
    try result.append(.binary(.add), [stream], "sum")
    result.graph.addOutput("y", result.value)
    return result
}

@Suite struct RegionTests {
    @Test(arguments: [false, true], [Network.Bias.none, .operand])
    func `a gated unit is a site with channels`(isOneLayer: Bool, bias: Network.Bias) throws {
        let network = try gatedNetwork(isOneLayer: isOneLayer, bias: bias)
        let sites = Sites(in: network.graph)
        let site = try #require(sites.found.first { $0.region != nil })
        #expect(site.widths == (16, 20, 16))
        #expect(site.modules == (isOneLayer ? "Linear-SiLU-Mul-Linear" : "Linear-Linear-SiLU-Mul-Linear"))
        let biases = bias == .none ? 0 : 40 + 16
        #expect(site.size(in: network.graph) == Size(parameters: 3 * 16 * 20 + biases, macs: 5 * 3 * 16 * 20))
        // Two layers before the channels, and the last one with a bias.
        let half = site.size(of: .width(10), in: network.graph)
        #expect(half == Size(parameters: 3 * 16 * 10 + (bias == .none ? 0 : 20) + 16, macs: 5 * 3 * 16 * 10))
        #expect(!sites.refusals.contains { $0.reason.contains("gated") })
    }

    @Test(arguments: [false, true], [Network.Bias.none, .operand])
    func `a gated unit without channels that nothing reads computes the same`(isOneLayer: Bool, bias: Network.Bias)
        throws
    {
        var network = try gatedNetwork(isOneLayer: isOneLayer, bias: bias)
        // The last layer reads 7 channels alone.
        let kept = [0, 3, 4, 9, 11, 18, 19]
        let index = try #require(network.graph.parameters.firstIndex { $0.name == "down.weight" })
        var weight = network.graph.parameters[index].tensor.floats
        for row in 0..<16 {
            for channel in 0..<20 where !kept.contains(channel) { weight[row * 20 + channel] = 0 }
        }
        network.graph.setParameter(index, try Tensor(weight, Shape([16, 20])))
        let graph = network.graph
        let site = try #require(Sites(in: graph).found.first { $0.region != nil })
        guard case .gated(let gated) = site.kind else { throw Missing() }
        let down = (0..<16).flatMap { row in kept.map { weight[row * 20 + $0] } }
        let offset = gated.region.last.bias.map { graph.parameters[$0].tensor }
        let smaller = try graph.replacing(
            gated.narrowed(
                to: kept, last: .init(weight: try Tensor(down, Shape([16, 7])), bias: offset), path: [], in: graph))
        #expect(smaller.parameterCount == graph.parameterCount - 13 * (3 * 16 + (bias == .none ? 0 : 2)))
        let samples = try Dataset(inputs: ["x": network.numbers([4, 5, 12])], count: 4)
        let (before, after) = (
            try graph.outputs(of: [graph.outputs[0].value], for: samples)[0].floats,
            try smaller.outputs(of: [smaller.outputs[0].value], for: samples)[0].floats
        )
        #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test(arguments: [
        "another reader of a channel", "a number for each channel", "another input", "a weight that serves twice",
    ])
    func `a unit that cannot be cut is no gated block`(_ obstacle: String) throws {
        var network = try Network([5, 12])
        let x = network.value
        let gate = try network.linear("gate", 20)
        network.value = x
        if obstacle == "another input" { try network.unary(.tanh, "changed") }
        let up = try network.linear("up", 20)
        network.value = gate
        try network.unary(.swish(alpha: 1))
        let hidden = try network.append(.binary(.multiply), [up], "hidden")
        if obstacle == "a number for each channel" {
            let scale = network.parameter("scale", try network.numbers([20]))
            try network.append(.binary(.multiply), [scale], "scaled")
        }
        try network.linear("down", 16)
        network.graph.addOutput("y", network.value)
        if obstacle == "another reader of a channel" { network.graph.addOutput("hidden", hidden) }
        if obstacle == "a weight that serves twice" {
            let weight = try #require(network.graph.values.first { network.graph[$0].name == "/gate/product" })
            network.value = x
            let twice = try network.append(
                network.graph[weight].op, Array(network.graph[weight].operands.dropFirst()), "twice")
            network.graph.addOutput("twice", twice)
        }
        let kinds = Sites(in: network.graph).found.map(\.kind)
        #expect(!kinds.contains { if case .gated = $0 { true } else { false } })
    }

    @Test func `layers with a normalization between them are a region that one layer may replace`() throws {
        var network = try Network([5, 12])
        try network.linear("first", 40)
        try network.append(.norm(.layer, axes: 1, epsilon: 1e-5), "norm")
        try network.unary(.relu)
        try network.linear("last", 6)
        network.graph.addOutput("y", network.value)
        let sites = Sites(in: network.graph)
        let site = try #require(sites.found.first)
        #expect(sites.found.count == 1 && sites.refusals.isEmpty)
        #expect(site.modules == "Linear-LayerNorm-ReLU-Linear")
        #expect(site.choices(in: network.graph, families: nil) == [.affine])
        let region = try #require(site.region)
        let smaller = try network.graph.replacing(region.placeholder())
        #expect(smaller.parameterCount == 6 * 13)
    }

    @Test func `a region that one layer would hardly shrink leaves its layers to low rank`() throws {
        var network = try Network([5, 32])
        try network.linear("transform", 32)
        try network.unary(.gelu)
        try network.append(.norm(.layer, axes: 1, epsilon: 1e-5), "norm")
        try network.linear("decoder", 400)
        network.graph.addOutput("y", network.value)
        let sites = Sites(in: network.graph).found
        #expect(sites.map(\.name) == ["transform", "decoder"])
        #expect(sites.allSatisfy { $0.region == nil })
    }

    @Test func `attention is no region`() throws {
        var network = try Network([5, 16])
        let x = network.value
        let query = try network.linear("query", 16)
        network.value = x
        let key = try network.linear("key", 16)
        network.value = query
        try network.append(.matMul(transposeLeft: false, transposeRight: true), [key], "scores")
        network.value = try network.append(.softmax(axis: 2), "weights")
        try network.append(.matMul(transposeLeft: false, transposeRight: false), [x], "mixed")
        try network.linear("out", 16)
        network.graph.addOutput("y", network.value)
        #expect(Sites(in: network.graph).found.allSatisfy { $0.region == nil })
    }
}

private struct Missing: Error {}
