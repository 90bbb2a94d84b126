import Compute
import Model
import Testing

@testable import Collapse

/// A case: the ops between two layers, and the expected kind or reason.
struct Between: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let said: String
    let build: @Sendable (inout Network) throws -> Void

    init(_ name: String, _ said: String, _ build: @escaping @Sendable (inout Network) throws -> Void) {
        (testDescription, self.said, self.build) = (name, said, build)
    }

    init(_ kind: UnaryKind, _ said: String) { self.init("\(kind)", said) { try $0.unary(kind) } }
}

private let kinds = [
    Between(.relu, "Linear-ReLU-Linear"), Between(.leakyRelu(slope: 0.1), "Linear-LeakyReLU-Linear"),
    Between(.gelu, "Linear-GELU-Linear"), Between(.geluTanh, "Linear-GELU-Linear"),
    Between(.sigmoid, "Linear-Sigmoid-Linear"), Between(.tanh, "Linear-Tanh-Linear"),
    Between(.erf, "Linear-Erf-Linear"),
    Between(.exp, "Linear-Exp-Linear"), Between(.log, "Linear-Log-Linear"), Between(.sqrt, "Linear-Sqrt-Linear"),
    Between(.negate, "Linear-Neg-Linear"), Between(.reciprocal, "Linear-Reciprocal-Linear"),
    Between("prelu", "Linear-PReLU-Linear") { try $0.prelu([0.5]) },
    Between("norm after", "Linear-ReLU-BatchNorm-Linear") {
        try $0.unary(.relu)
        try $0.batchNorm()
    },
    Between("norm before", "Linear-BatchNorm-ReLU-Linear") {
        try $0.batchNorm()
        try $0.unary(.relu)
    },
    Between("two norms", "Linear-BatchNorm-GELU-BatchNorm-Linear") {
        try $0.batchNorm("one")
        try $0.unary(.gelu)
        try $0.batchNorm("two")
    },
    Between("a BatchNorm folded to a product and a sum", "Linear-Scale-Shift-ReLU-Linear") { network in
        let scale = network.parameter("scale", try network.numbers([9]))
        try network.append(.binary(.multiply), [scale], "scaled")
        let shift = network.parameter("shift", try network.numbers([1, 9]))
        try network.append(.binary(.add), [shift], "shifted")
        try network.unary(.relu)
    },
    Between("constants on either side", "Linear-ReLU-Shift-Scale-Shift-Linear") { network in
        let hidden = try network.unary(.relu)
        network.value = network.parameter("from", try network.numbers([9]))
        try network.append(.binary(.subtract), [hidden], "rest")
        let two = try network.graph.append(.constant(Tensor([Float(2)], .scalar)), [])
        try network.append(.binary(.divide), [two], "halved")
        try network.append(.binary(.subtract), [two], "less")
    },
    Between("reshape", "Linear-ReLU-Linear") {
        try $0.unary(.relu)
        try $0.append(.reshape(Shape([4, 9])), "flat")
    },
]

private let refusals = [
    Between("gated, the hidden value first", "gated: the hidden value is multiplied by another") { network in
        try network.unary(.relu)
        let gate = network.graph.addInput("gate", .float(try Shape([4, 9])))
        try network.append(.binary(.multiply), [gate], "gated")
    },
    Between("gated, the hidden value second", "gated: the hidden value is multiplied by another") { network in
        let hidden = try network.unary(.relu)
        network.value = network.graph.addInput("gate", .float(try Shape([4, 9])))
        try network.append(.binary(.multiply), [hidden], "gated")
    },
    Between("a unit gated by half of a layer", "gated: the hidden value is multiplied by another") { network in
        let whole = network.value
        let half = try network.append(.slice(axis: 1, start: 0, count: 4), "half")
        network.value = whole
        try network.append(.slice(axis: 1, start: 5, count: 4), "gate")
        try network.unary(.sigmoid)
        try network.append(.binary(.multiply), [half], "gated")
    },
    Between("a SiLU that is spelled out, gated", "gated: the hidden value is multiplied by another") { network in
        let hidden = network.value
        let gate = try network.unary(.sigmoid)
        network.value = hidden
        try network.append(.binary(.multiply), [gate], "silu")
        let other = network.graph.addInput("up", .float(try Shape([4, 9])))
        try network.append(.binary(.multiply), [other], "gated")
    },
    Between("gated by what follows from its other half", "gated: the hidden value is multiplied by another") {
        network in
        let hidden = try network.unary(.gelu)
        let half = try network.append(.slice(axis: 1, start: 0, count: 4), "half")
        network.value = hidden
        try network.append(.slice(axis: 1, start: 5, count: 4), "gate")
        try network.append(.norm(.layer, axes: 1, epsilon: 0), "norm")
        try network.linear("spatial", 4)
        try network.append(.binary(.multiply), [half], "gated")
    },
    Between("scaled by its own norms (GRN)", "a normalisation over the hidden axis") { network in
        let hidden = try network.unary(.gelu)
        let norm = try network.append(.reduce(.l2, axes: [0], keepsAxes: true), "norm")
        try network.append(.reduce(.mean, axes: [1], keepsAxes: true), "mean")
        let epsilon = try network.graph.append(.constant(Tensor([Float(1e-6)], Shape([1]))), [])
        let shifted = try network.append(.binary(.add), [epsilon], "shifted")
        network.value = norm
        let share = try network.append(.binary(.divide), [shifted], "share")
        network.value = hidden
        try network.append(.binary(.multiply), [share], "scaled")
        try network.append(.binary(.add), [hidden], "sum")
    },
    Between("a scale of each sample", "a product with constants stands between it and the next linear layer") {
        network in
        try network.unary(.relu)
        let scale = network.parameter("scale", try network.numbers([4, 9]))
        try network.append(.binary(.multiply), [scale], "scaled")
    },
    Between("a square", "two activations stand between the layers") { network in
        let hidden = try network.unary(.relu)
        try network.append(.binary(.multiply), [hidden], "square")
    },
    Between("softmax", "a normalisation over the hidden axis") { network in
        try network.unary(.relu)
        try network.append(.softmax(axis: 1), "softmax")
    },
    Between("LayerNorm", "a normalisation over the hidden axis") { network in
        let hidden = try network.unary(.relu)
        let mean = try network.append(.reduce(.mean, axes: [1], keepsAxes: true), "mean")
        network.value = hidden
        try network.append(.binary(.subtract), [mean], "centred")
    },
    Between("two activations", "two activations stand between the layers") { network in
        try network.unary(.relu)
        try network.unary(.tanh, "other")
    },
    Between("an activation and a PReLU", "two activations stand between the layers") { network in
        try network.unary(.relu)
        try network.prelu([0.5], "other")
    },
    Between("a computed slope", "the slope of the PReLU is not a parameter") { network in
        let slope = network.graph.addInput("slope", .float(try Shape([4, 1])))
        try network.append(.prelu, [slope], "act")
    },
    Between("computed statistics", "the statistics of the BatchNorm are not parameters") { network in
        try network.unary(.relu)
        let statistic = network.graph.addInput("statistic", .float(try Shape([9])))
        try network.append(
            .batchNorm(epsilon: 0), [statistic, statistic, statistic, statistic], "norm")
    },
    Between("a computed weight", "the second layer has a dynamic weight") { network in
        try network.unary(.relu)
        let weight = network.graph.addInput("weight", .float(try Shape([9, 9])))
        try network.append(.matMul(transposeLeft: false, transposeRight: false), [weight], "dynamic")
    },
    Between("a computed bias", "the second layer has a dynamic weight") { network in
        try network.unary(.relu)
        let weight = network.parameter("weight", try network.numbers([9, 9]))
        let bias = network.graph.addInput("bias", .float(try Shape([9])))
        try network.append(.matMul(transposeLeft: false, transposeRight: false), [weight, bias], "dynamic")
    },
    Between("a weight that is read twice", "another node reads the weight 'shared.weight'") { network in
        try network.unary(.relu)
        let hidden = network.value
        try network.linear("shared", 9, bias: .none)
        let (first, weight) = (network.value, network.graph[network.value].operands[1])
        network.value = try network.append(.unary(.tanh), "tanh")
        try network.append(.matMul(transposeLeft: false, transposeRight: true), [weight], "again")
        network.graph.addOutput("first", first)
        #expect(hidden < first)
    },
]

@Suite struct CandidatesTests {
    @Test(arguments: kinds)
    func `a run is named by what stands in it`(between: Between) throws {
        let candidates = Candidates(in: try twoLayers(between: between.build))
        #expect(candidates.refusals.isEmpty)
        #expect(candidates.found.count == 1)
        let candidate = try #require(candidates.found.first)
        #expect(candidate.kind == between.said)
        #expect(candidate.name == "fc1")
        #expect((candidate.inFeatures, candidate.hidden, candidate.out) == (5, 9, 3))
    }

    @Test(arguments: refusals)
    func `what looks like a run and is none is refused with its reason`(between: Between) throws {
        let candidates = Candidates(in: try twoLayers(between: between.build))
        #expect(candidates.refusals.first == Refusal(name: "fc1", reason: between.said))
        #expect(!candidates.found.contains { $0.name == "fc1" })
    }

    /// Two layers whose hidden value is read elsewhere too: as an output, or by a layer before or behind the activation.
    private static func shared(_ inFeatures: Int, _ reader: Reader) throws -> Graph {
        try twoLayers(in: inFeatures) { network in
            if reader == .layerBefore { try network.aside() }
            try network.prelu([1])
            if reader == .layerBehind { try network.aside() }
            if reader == .output { network.graph.addOutput("aside", network.value) }
        }
    }

    enum Reader: CaseIterable { case output, layerBehind, layerBefore }

    @Test(arguments: Reader.allCases)
    func `a hidden value that is read elsewhere stays, and the layer behind it is replaced where that pays`(
        reader: Reader
    ) throws {
        let graph = try Self.shared(5, reader)
        let candidate = try #require(Candidates(in: graph).found.first { $0.isShared })
        #expect((candidate.inFeatures, candidate.hidden, candidate.out) == (5, 9, reader == .layerBehind ? 2 : 3))
        let profit = Profit(candidate, in: graph)
        #expect(
            profit.parametersBefore - profit.parametersAfter == graph.parameterCount
                - (try merged(graph)).parameterCount)
        let data = try inputs(20, [5])
        for output in graph.outputs {
            let after = try #require(try merged(graph).outputs.first { $0.name == output.name })
            expectClose(
                try merged(graph).outputs(of: after.value, for: data), try graph.outputs(of: output.value, for: data))
        }
        // The replaced layer begins no other block with the same identity.
        #expect(Candidates(in: try merged(graph))[candidate.id] == nil)

        func merged(_ graph: Graph) throws -> Graph {
            try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        }
    }

    @Test func `where it does not pay that another reads the hidden value is the reason`() throws {
        for (reader, reason) in [
            (Reader.output, "the hidden value is also an output"),
            (.layerBehind, "the hidden value has another consumer"),
            (.layerBefore, "the hidden value has another consumer"),
        ] {
            let candidates = Candidates(in: try Self.shared(12, reader))
            #expect(candidates.found.isEmpty)
            #expect(candidates.refusals.first == Refusal(name: "fc1", reason: reason))
        }
    }

    @Test func `a depthwise convolution in between is refused, and one of a single pixel too`() throws {
        for kernel in [3, 1] {
            var network = try Network([6, 5])
            try network.linear("fc1", 9)
            try network.unary(.relu)
            let window = Window(
                kernel: [kernel], strides: [1], dilations: [1], padsBegin: [kernel / 2], padsEnd: [kernel / 2])
            let weight = network.parameter("conv.weight", try network.numbers([6, 1, kernel]))
            try network.append(.convolution(window, groups: 6), [weight], "conv")
            try network.linear("fc2", 3)
            let candidates = Candidates(in: network.finished())
            #expect(candidates.found.isEmpty)
            let reason =
                kernel == 3
                ? "a depthwise convolution in between"
                : "a convolution in groups stands between it and the next linear layer"
            #expect(candidates.refusals.first == Refusal(name: "fc1", reason: reason))
        }
    }

    @Test(arguments: [
        Between(
            "no activation", "no activation stands between it and 'fc2', and one layer for both would not be smaller"
        ) { _ in },
        Between("an output before anything", "its result is also an output") { network in
            network.graph.addOutput("hidden", network.value)
            try network.append(.softmax(axis: 1), "softmax")
        },
        Between("a sum", "a sum with another value stands between it and the next linear layer") { network in
            let hidden = try network.unary(.relu)
            network.value = network.graph.addInput("other", .float(try Shape([4, 9])))
            try network.append(.binary(.add), [hidden], "sum")
        },
        Between("a gate", "a product with another value stands between it and the next linear layer") { network in
            let other = network.graph.addInput("other", .float(try Shape([4, 9])))
            try network.append(.binary(.multiply), [other], "product")
        },
        Between("halves that never meet", "several operations read its result") { network in
            let whole = network.value
            try network.append(.slice(axis: 1, start: 0, count: 4), "half")
            network.graph.addOutput("half", network.value)
            network.value = whole
            try network.append(.slice(axis: 1, start: 5, count: 4), "other")
        },
        Between("softmax without an activation", "a softmax stands between it and the next linear layer") {
            try $0.append(.softmax(axis: 1), "softmax")
        },
        Between(
            "a weight of another product",
            "a product of two computed values, as in attention stands between it and the next linear layer"
        ) { network in
            let hidden = try network.unary(.relu)
            network.value = network.graph.addInput("other", .float(try Shape([9, 4])))
            try network.append(.matMul(transposeLeft: false, transposeRight: false), [hidden], "product")
        },
    ])
    func `every other linear layer has a reason`(between: Between) throws {
        let candidates = Candidates(in: try twoLayers(between: between.build))
        #expect(candidates.found.isEmpty)
        #expect(
            candidates.refusals == [
                Refusal(name: "fc1", reason: between.said),
                Refusal(name: "fc2", reason: "it is the last layer: its result is an output"),
            ])
    }

    @Test func `a mean over tokens stands between, and what follows the last layer is named`() throws {
        var network = try Network([6, 5])
        try network.linear("fc1", 9)
        try network.unary(.relu)
        try network.append(.reduce(.mean, axes: [1], keepsAxes: false), "pool")
        try network.linear("fc2", 3)
        try network.append(.softmax(axis: 1), "softmax")
        let candidates = Candidates(in: network.finished())
        #expect(candidates.found.isEmpty)
        #expect(
            candidates.refusals == [
                Refusal(name: "fc1", reason: "a mean stands between it and the next linear layer"),
                Refusal(name: "fc2", reason: "it is the last linear layer: a softmax follows"),
            ])
    }

    @Test(arguments: Network.Bias.allCases, [true, false])
    func `on three axes a bias is an operand of its own, on either side`(bias: Network.Bias, isOutByIn: Bool) throws {
        var network = try Network([7, 5])
        try network.linear("fc1", 9, isOutByIn: isOutByIn, bias: bias)
        try network.unary(.relu)
        try network.linear("fc2", 3, isOutByIn: isOutByIn, bias: bias)
        let graph = network.finished()
        let candidate = try #require(Candidates(in: graph).found.first)
        #expect((candidate.inFeatures, candidate.hidden, candidate.out) == (5, 9, 3))
        #expect((candidate.first.bias == nil, candidate.second.bias == nil) == (bias == .none, bias == .none))
        #expect(candidate.output == graph.outputs[0].value)
        #expect(candidate.nodes.last == candidate.output)
        #expect(candidate.nodes.count == (bias == .addedLeft || bias == .addedRight ? 5 : 3))
        // Seven tokens per sample.
        #expect(Profit(candidate, in: graph).macsBefore == 7 * 9 * (5 + 3))
    }

    @Test(arguments: [7, 8, 4]) func `a block on the steps of a time-first model is refused`(steps: Int) throws {
        var network = try Network([steps, 5])
        try network.append(.transpose([1, 0, 2]), "exchanged")
        try network.linear("fc1", 9)
        try network.unary(.relu)
        try network.linear("fc2", 3)
        let candidates = Candidates(in: network.finished())
        #expect(candidates.found.isEmpty)
        let reason = "the samples do not lie on the first axis of its input"
        #expect(candidates.refusals.first == Refusal(name: "fc1", reason: reason))
    }

    @Test func `a reshape that leaves other rows at the end is refused`() throws {
        var network = try Network([7, 5])
        try network.linear("fc1", 9)
        try network.unary(.relu)
        try network.append(.reshape(Shape([28, 9])), "flat")
        try network.linear("fc2", 3)
        let reason = "a reshape between the layers divides the rows otherwise"
        #expect(Candidates(in: network.finished()).refusals.first == Refusal(name: "fc1", reason: reason))
    }

    @Test func `each layer of a chain begins a run`() throws {
        var network = try Network([8])
        for (index, width) in [16, 16, 4].enumerated() {
            if index > 0 { try network.unary(.relu, "act\(index)") }
            try network.linear("fc\(index + 1)", width)
        }
        #expect(Candidates(in: network.finished()).found.map(\.name) == ["fc1", "fc2"])
    }
}

extension Network {
    /// Lets another layer read the last value, as an output of its own.
    mutating func aside() throws {
        let hidden = value
        try linear("aside", 2)
        graph.addOutput("aside", value)
        value = hidden
    }
}

@Test func `a product that is only a part of its node in the file is no layer`() throws {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([2, 3])))
    let weight = graph.addParameter(
        Parameter(name: "w", tensor: try random([4, 3], seed: 1), isTrainable: true))
    let linear = Op.matMul(transposeLeft: false, transposeRight: true)
    let product = try graph.append(linear, [x, weight], origin: Origin(nodes: [0]))
    #expect(Linear(product, in: graph, consumers: graph.consumers()) != nil)
    // A further op of the same node, as for the factor of a Gemm.
    try graph.append(.unary(.negate), [product], name: "y", origin: Origin(nodes: [0]))
    #expect(Linear(product, in: graph, consumers: graph.consumers()) == nil)
}

@Test func `a block whose second layer shares its node with the next activation is refused with that reason`() throws {
    var graph = Graph()
    var value = graph.addInput("x", .float(try Shape([2, 3])))
    // Each node is a product and an activation, as a FusedGemm.
    for (node, sizes) in [[4, 3], [5, 4]].enumerated() {
        let weight = graph.addParameter(
            Parameter(name: "w\(node)", tensor: try random(sizes, seed: UInt64(node)), isTrainable: true))
        let op = Op.matMul(transposeLeft: false, transposeRight: true)
        value = try graph.append(op, [value, weight], scope: "fc\(node)", origin: Origin(nodes: [node]))
        value = try graph.append(.unary(.relu), [value], name: "y\(node)", origin: Origin(nodes: [node]))
    }
    graph.addOutput("y1", value)
    let candidates = Candidates(in: graph)
    #expect(candidates.found.isEmpty)
    #expect(
        candidates.refusals == [
            Refusal(name: "fc0", reason: "a node of the file computes more than the second layer"),
            Refusal(name: "fc1", reason: "it is the last layer: its result is an output"),
        ])
}

@Test(arguments: [false, true])
func `blocks that read the same weights are one candidate, unless something else reads them`(isReadElsewhere: Bool)
    throws
{
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([2, 4])))
    let weights = try [[8, 4], [4, 8]].enumerated().map { index, sizes in
        graph.addParameter(
            Parameter(name: "w\(index)", tensor: try random(sizes, seed: UInt64(index)), isTrainable: true))
    }
    let op = Op.matMul(transposeLeft: false, transposeRight: true)
    var value = x
    for use in 0..<3 {
        let hidden = try graph.append(op, [value, weights[0]], scope: "up\(use)")
        let active = try graph.append(.unary(.relu), [hidden], name: "relu\(use)")
        let result = try graph.append(op, [active, weights[1]], scope: "down\(use)")
        value = try graph.append(.binary(.add), [value, result], name: "sum\(use)")
    }
    graph.addOutput("y", value)
    if isReadElsewhere { graph.addOutput("z", try graph.append(op, [x, weights[0]], scope: "other")) }
    let candidates = Candidates(in: graph)
    guard !isReadElsewhere else {
        #expect(candidates.found.isEmpty)
        #expect(candidates.refusals.first == Refusal(name: "up0", reason: "another node reads the weight 'w0'"))
        return
    }
    let candidate = try #require(candidates.found.first)
    #expect(candidates.found.count == 1 && candidate.uses.map(\.name) == ["up0", "up1", "up2"])
    #expect(candidates.refusals.isEmpty)
    let profit = Profit(candidate, in: graph)
    #expect((profit.parametersBefore, profit.parametersAfter) == (64, 20))
    #expect((profit.macsBefore, profit.macsAfter) == (3 * 64, 3 * 16))
    // The moments of the three uses are those of all their rows together.
    let samples = Dataset(inputs: ["x": try random([6, 4], seed: 7)], count: 6)
    #expect(try BlockMoments(original: graph).ofUntouched([candidate], on: samples)[0].count == 18)
    let map = try random([4, 4], seed: 8)
    let smaller = try graph.replacing(candidate.rewrites(weight: map, bias: try Tensor(zeros: Shape([4]))))
    #expect(smaller.parameterCount == 20)
    #expect(smaller.macs == 3 * 16)
}
