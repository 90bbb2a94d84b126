import Compute
import Model
import Testing

@testable import Collapse

/// Linear layers with ReLU in between. Their weights are zeros, whose memory pages are never touched.
private func head(_ sizes: [Int]) throws -> Graph {
    var graph = Graph()
    var value = graph.addInput("x", .float(try Shape([1, sizes[0]])))
    for (index, (inFeatures, out)) in zip(sizes, sizes.dropFirst()).enumerated() {
        if index > 0 { value = try graph.append(.unary(.relu), [value], name: "act\(index)") }
        let weight = try Tensor(zeros: Shape([out, inFeatures]))
        let parameters = [
            graph.addParameter(Parameter(name: "\(index).weight", tensor: weight, isTrainable: true)),
            graph.addParameter(
                Parameter(name: "\(index).bias", tensor: try Tensor(zeros: Shape([out])), isTrainable: true)),
        ]
        value = try graph.append(
            .matMul(transposeLeft: false, transposeRight: true), [value] + parameters, name: "fc\(index)",
            scope: "classifier.\(index)")
    }
    graph.addOutput("logits", value)
    return graph
}

@Suite struct ProfitTests {
    @Test func `VGG16's head saves what multiplication says`() throws {
        let graph = try head([25_088, 4096, 4096, 1000])
        let candidates = Candidates(in: graph).found
        let profits = candidates.map { Profit($0, in: graph) }
        #expect(profits.map(\.parametersBefore) == [4096 * 25_089 + 4096 * 4097, 4096 * 4097 + 1000 * 4097])
        #expect(profits.map(\.parametersAfter) == [4096 * 25_089, 1000 * 4097])
        #expect(profits.map(\.macsBefore) == [4096 * (25_088 + 4096), 4096 * (4096 + 1000)])
        #expect(profits.map(\.macsAfter) == [4096 * 25_088, 1000 * 4096])
        #expect(profits.map(\.isProfitable) == [true, true])
        #expect(graph.macs == 25_088 * 4096 + 4096 * 4096 + 4096 * 1000)
        // (W3 W2) W1 is 0.24 TFLOP, W3 (W2 W1) is 1.05; the product of W3 and W2 comes first.
        let costs = candidates.map { 2 * $0.productCost / 1e12 }
        #expect(costs[1] < costs[0])
        #expect(abs(costs[1] + 2 * 1000 * 4096 * 25_088 / 1e12 - 0.24) < 0.005)
        #expect(abs(costs[0] + 2 * 1000 * 4096 * 25_088 / 1e12 - 1.05) < 0.005)
    }

    /// The parameter counts of torchvision's networks, before and after the whole head becomes one layer;
    /// `convolutions` is the rest.
    @Test(arguments: [
        ("VGG11", [25_088, 4096, 4096, 1000], 9_220_480, 132_863_336, 34_309_480),
        ("VGG16", [25_088, 4096, 4096, 1000], 14_714_688, 138_357_544, 39_803_688),
        ("AlexNet", [9216, 4096, 4096, 1000], 2_469_696, 61_100_840, 11_686_696),
    ])
    func `the whole head becomes one layer of the counts of the method`(
        name: String, sizes: [Int], convolutions: Int, before: Int, after: Int
    ) throws {
        var graph = try head(sizes)
        #expect(graph.parameterCount + convolutions == before)
        // The products themselves would take half a TFLOP; only their sizes matter.
        while let candidate = Candidates(in: graph).found.last {
            let weight = try Tensor(zeros: Shape([candidate.out, candidate.inFeatures]))
            let bias = try Tensor(zeros: Shape([candidate.out]))
            graph = try graph.replacing(
                Rewrite(
                    removed: candidate.nodes, output: candidate.output,
                    replacement: .linear(input: candidate.input, weight: weight, bias: bias), scope: candidate.name))
        }
        #expect(graph.parameterCount + convolutions == after)
    }

    @Test(arguments: [(256, 16, 256), (64, 64, 64), (10, 5, 10), (100, 3, 4)])
    func `a bottleneck is not worth it`(inFeatures: Int, hidden: Int, out: Int) throws {
        let graph = try head([inFeatures, hidden, out])
        let profit = Profit(try #require(Candidates(in: graph).found.first), in: graph)
        #expect(profit.parametersBefore == hidden * (inFeatures + 1) + out * (hidden + 1))
        #expect(profit.parametersAfter == out * (inFeatures + 1))
        #expect(profit.saving == profit.parametersBefore - profit.parametersAfter)
        #expect(profit.isProfitable == (profit.saving > 0 && out * inFeatures < hidden * (inFeatures + out)))
        #expect(profit.isProfitable == (hidden == 64))
    }

    @Test func `norms and slopes that go are counted`() throws {
        let graph = try twoLayers { network in
            try network.batchNorm()
            try network.prelu([Float](repeating: 0.5, count: 9))
        }
        let profit = Profit(try #require(Candidates(in: graph).found.first), in: graph)
        #expect(profit.parametersBefore == 9 * 6 + 3 * 10 + 4 * 9 + 9)
        #expect(profit.parametersBefore == graph.parameterCount)
    }

    @Test func `multiply-adds of a convolution are counted by its output`() throws {
        var network = try Network([3, 8, 8])
        let window = Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1])
        let weight = network.parameter("conv.weight", try network.numbers([5, 3, 3, 3]))
        try network.append(.convolution(window, groups: 1), [weight], "conv")
        #expect(network.finished().macs == 5 * 8 * 8 * 3 * 9)
    }
}
