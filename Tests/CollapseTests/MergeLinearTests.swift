import Compute
import Model
import Options
import Testing

@testable import Collapse

/// Activations with a slope of 1, the identity: the merged network must compute the same as the original.
private let shapes: [Between] = [
    Between("alone", "") { try $0.prelu([1]) },
    Between("a slope a feature", "") { try $0.prelu([Float](repeating: 1, count: 9)) },
    Between("norm after", "") {
        try $0.prelu([1])
        try $0.batchNorm()
    },
    Between("norm before", "") {
        try $0.batchNorm()
        try $0.prelu([1])
    },
    Between("two norms before", "") {
        try $0.batchNorm("one")
        try $0.batchNorm("two")
        try $0.prelu([1])
    },
    Between("constants on either side", "") { network in
        let scale = network.parameter("scale", try network.numbers([9]))
        try network.append(.binary(.multiply), [scale], "scaled")
        let hidden = try network.prelu([1])
        network.value = network.parameter("from", try network.numbers([1, 9]))
        try network.append(.binary(.subtract), [hidden], "rest")
        let two = try network.graph.append(.constant(Tensor([Float(2)], .scalar)), [])
        try network.append(.binary(.divide), [two], "halved")
        try network.append(.binary(.subtract), [two], "less")
    },
    Between("a norm on either side", "") {
        try $0.batchNorm("one")
        try $0.prelu([1])
        try $0.batchNorm("two")
    },
]

@Suite struct MergeLinearTests {
    @Test(arguments: shapes, Network.Bias.allCases)
    func `one layer computes what the run did, however it is written`(between: Between, bias: Network.Bias) throws {
        for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
            var network = try Network([5])
            try network.linear("fc1", 9, isOutByIn: first, bias: bias)
            try between.build(&network)
            try network.linear("fc2", 3, isOutByIn: second, bias: bias)
            let graph = network.finished()
            let candidate = try #require(Candidates(in: graph).found.first)
            let merged = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
            #expect(merged.parameters.map(\.tensor.shape.dimensions) == [[3, 5], [3]])
            #expect(merged.parameterCount == 18)
            let data = try inputs(50, [5])
            expectClose(try logits(merged, data), try logits(graph, data))
        }
    }

    @Test(arguments: Network.Bias.allCases)
    func `on three axes likewise`(bias: Network.Bias) throws {
        var network = try Network([7, 5])
        try network.linear("fc1", 9, isOutByIn: false, bias: bias)
        try network.prelu([1])
        try network.linear("fc2", 3, bias: bias)
        let graph = network.finished()
        let candidate = try #require(Candidates(in: graph).found.first)
        let merged = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        let data = try inputs(10, [7, 5])
        expectClose(try logits(merged, data), try logits(graph, data))
    }

    /// A chain of layers `20 - 9 - 7 - 2` with slopes of 1.
    private static func chain() throws -> Graph {
        var network = try Network([20])
        for (index, width) in [9, 7, 2].enumerated() {
            if index > 0 { try network.prelu([1], "act\(index)") }
            try network.linear("fc\(index + 1)", width)
        }
        return network.finished()
    }

    @Test(arguments: [true, false])
    func `a chain becomes one layer from either end`(fromEnd: Bool) throws {
        let chain = try Self.chain()
        var graph = chain
        while let candidate = fromEnd ? Candidates(in: graph).found.last : Candidates(in: graph).found.first {
            graph = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        }
        #expect(graph.parameterCount == 2 * 21)
        let data = try inputs(50, [20])
        expectClose(try logits(graph, data), try logits(chain, data))
    }

    @Test func `the cheapest product comes first`() throws {
        let chain = try Self.chain()
        var layers = Candidates(in: chain).found.map { LayerOutcome($0, in: chain) }
        let merging = SlopeMerge(original: chain, heldOut: nil) { _ in }
        let points = try merging.path(chain, &layers, threshold: 0.05, limit: .max)
        #expect(points.map(\.collapsed) == [["/act2/out"], ["/act2/out", "/act1/out"]].map { $0.map { BlockID($0) } })
        #expect(points.map(\.parameters) == [9 * 21 + 2 * 10 + 1, 2 * 21])
    }

    @Test(arguments: [
        Between("ReLU", "its slope 0.0 is not within 0.05 of the identity's slope, 1") { try $0.unary(.relu) },
        Between("LeakyReLU", "its slope 0.94 is not within 0.05 of the identity's slope, 1") {
            try $0.unary(.leakyRelu(slope: 0.94))
        },
        Between("PReLU", "its slope 1.06 is not within 0.05 of the identity's slope, 1") { try $0.prelu([1.06]) },
        Between("one slope of nine", "its slope 0.9 is not within 0.05 of the identity's slope, 1") {
            try $0.prelu([1, 1.01, 0.9, 1, 1, 1.09, 1, 1, 1])
        },
        Between("GELU", "GELU is not within 0.05 of the identity's slope, 1") { try $0.unary(.gelu) },
        Between("tanh", "Tanh is not within 0.05 of the identity's slope, 1") { try $0.unary(.tanh) },
        Between("LeakyReLU near one", "") { try $0.unary(.leakyRelu(slope: 0.96)) },
        Between("PReLU near one", "") { try $0.prelu([0.96]) },
        Between("PReLU beyond one", "") { try $0.prelu([1.04]) },
        Between("nine slopes near one", "") { try $0.prelu([1, 1.01, 0.97, 1, 1, 1.04, 1, 1, 1]) },
    ])
    func `without data what is near the identity merges, and the rest says why not`(between: Between) throws {
        let graph = try twoLayers(between: between.build)
        var options = JobOptions()
        options.method = .merge
        let task = PredictionTask(of: graph)
        let outcome = try Collapser(graph, task: task, samples: nil, options: options) { _ in }.run()
        let layer = try #require(outcome.layers.first)
        #expect(layer.isCollapsed == between.said.isEmpty)
        #expect(layer.reason == (between.said.isEmpty ? nil : between.said))
        #expect(outcome.collapsedCount == outcome.points.count)
        if between.said.isEmpty {
            #expect(outcome.graph.parameterCount == layer.parametersAfter)
        } else {
            #expect(outcome.graph.nodes.count == graph.nodes.count)
        }
    }
}
