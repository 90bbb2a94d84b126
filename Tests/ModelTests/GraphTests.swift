import Compute
import Testing

@testable import Model

/// The network `relu(x W1^T + b1) W2^T + b2`, with the values that tests use.
private struct TwoLayers {
    var graph = Graph()
    let x, hidden, activation, output: ValueID

    init(in inFeatures: Int = 3, hidden hiddenFeatures: Int = 5, out: Int = 2) throws {
        func parameter(_ name: String, _ sizes: [Int], seed: UInt64) throws -> Parameter {
            Parameter(name: name, tensor: try random(Shape(sizes), seed: seed, -1...1), isTrainable: true)
        }
        let linear = Op.matMul(transposeLeft: false, transposeRight: true)
        x = graph.addInput("x", .float(try Shape([4, inFeatures])))
        let weight1 = graph.addParameter(try parameter("fc1.weight", [hiddenFeatures, inFeatures], seed: 1))
        let bias1 = graph.addParameter(try parameter("fc1.bias", [hiddenFeatures], seed: 2))
        hidden = try graph.append(linear, [x, weight1, bias1], name: "h", scope: "fc1", origin: Origin(nodes: [0]))
        activation = try graph.append(.unary(.relu), [hidden], name: "a", scope: "act", origin: Origin(nodes: [1]))
        let weight2 = graph.addParameter(try parameter("fc2.weight", [out, hiddenFeatures], seed: 3))
        let bias2 = graph.addParameter(try parameter("fc2.bias", [out], seed: 4))
        output = try graph.append(
            linear, [activation, weight2, bias2], name: "y", scope: "fc2", origin: Origin(nodes: [2]))
        graph.addOutput("y", output)
    }
}

@Test func `an op whose operands do not fit cannot be appended`() throws {
    var graph = Graph()
    let a = graph.addInput("a", .float(try Shape([2, 3])))
    let b = graph.addInput("b", .float(try Shape([4, 5])))
    #expect {
        try graph.append(.matMul(transposeLeft: false, transposeRight: false), [a, b], name: "product")
    } throws: { error in
        "\(error)" == "at 'product': MatMul: shapes [2, 3] and [4, 5] do not fit"
    }
}

@Test func `a rewrite replaces a run of ops and drops the parameters nobody reads any more`() throws {
    let layers = try TwoLayers()
    let weight = try random(Shape([2, 3]), seed: 5, -1...1)
    let smaller = try layers.graph.replacing(
        Rewrite(
            removed: [layers.hidden, layers.activation, layers.output], output: layers.output,
            replacement: .linear(input: layers.x, weight: weight, bias: nil), scope: "fc1"))
    #expect(smaller.parameters.map(\.name) == ["fc1.weight"])
    #expect(smaller.parameterCount == 6)
    let output = try #require(smaller.outputs.first)
    #expect(smaller.shape(output.value) == (try Shape([4, 2])))
    #expect(smaller[output.value].origin == Origin(nodes: [0, 1, 2], isReplacement: true))
    #expect(smaller[output.value].name == "y")
}

@Test func `a rewrite that would take away what somebody else reads is refused`() throws {
    var layers = try TwoLayers()
    layers.graph.addOutput("hidden", layers.hidden)
    let weight = try random(Shape([2, 3]), seed: 5, -1...1)
    #expect(throws: ModelError.self) {
        try layers.graph.replacing(
            Rewrite(
                removed: [layers.hidden, layers.activation, layers.output], output: layers.output,
                replacement: .linear(input: layers.x, weight: weight, bias: nil), scope: "fc1"))
    }
}

@Test func `a rewrite that would change the shape is refused`() throws {
    let layers = try TwoLayers()
    let weight = try random(Shape([3, 3]), seed: 5, -1...1)
    #expect(throws: ModelError.self) {
        try layers.graph.replacing(
            Rewrite(
                removed: [layers.hidden, layers.activation, layers.output], output: layers.output,
                replacement: .linear(input: layers.x, weight: weight, bias: nil), scope: "fc1"))
    }
}

@Test func `a PReLU with slope zero computes what the ReLU did`() throws {
    let layers = try TwoLayers()
    let slope = try Tensor([0] as [Float], Shape([1]))
    let rewritten = try layers.graph.replacing(
        Rewrite(
            removed: [layers.activation], output: layers.activation,
            replacement: .prelu(input: layers.hidden, slope: slope), scope: "act"))
    let data = Dataset(inputs: ["x": try random(Shape([10, 3]), seed: 6, -2...2)], count: 10)
    let before = try Inference(layers.graph, fetching: layers.graph.outputs.map(\.value)).outputs(for: data)
    let after = try Inference(rewritten, fetching: rewritten.outputs.map(\.value)).outputs(for: data)
    #expect(before[0].shape == (try Shape([10, 2])))
    #expect(before[0].floats == after[0].floats)
}

@Test func `buffers that are alive together never share memory`() {
    var generator = SeededRandom(seed: 3)
    for _ in 0..<50 {
        let buffers = (0..<40).map { _ in
            let start = Int.random(in: 0..<60, using: &generator)
            return MemoryPlan.Buffer(
                byteCount: Int.random(in: 0..<5000, using: &generator),
                lifetime: start...(start + Int.random(in: 0..<20, using: &generator)))
        }
        let plan = MemoryPlan(buffers)
        for (index, one) in buffers.enumerated() {
            let range = plan.offsets[index]..<(plan.offsets[index] + one.byteCount)
            #expect(range.upperBound <= plan.byteCount)
            #expect(range.lowerBound % MemoryPlan.alignment == 0)
            for other in 0..<index where buffers[other].lifetime.overlaps(one.lifetime) {
                let otherRange = plan.offsets[other]..<(plan.offsets[other] + buffers[other].byteCount)
                #expect(range.isEmpty || otherRange.isEmpty || !range.overlaps(otherRange))
            }
        }
    }
}

@Test func `buffers whose lives do not touch share memory`() {
    let plan = MemoryPlan([
        .init(byteCount: 640, lifetime: 0...1), .init(byteCount: 640, lifetime: 2...3),
        .init(byteCount: 640, lifetime: 4...5),
    ])
    #expect(plan.byteCount == 640)
}
