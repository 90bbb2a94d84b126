import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct RidgeSearchTests {
    private static func activation(_ block: Int) -> BlockID { BlockID("/blocks.\(block).act/out") }

    @Test(arguments: [0, 1, 2])
    func `a block that is linear on the data goes first, wherever it stands`(place: Int) throws {
        var job = Collapsing(try residualNetwork(3, linear: [place]), on: try inputs(600, [6]))
        job.options.maxLayers = 3
        let outcome = try job.run()
        #expect(outcome.points.first?.collapsed == [Self.activation(place)])
        let r2 = outcome.layers.map { $0.r2 ?? .nan }
        #expect(r2[place] > 1 - 1e-5)
        for other in 0..<3 where other != place { #expect(r2[other] < 0.999) }
        let divergence = try #require(outcome.points.first?.comparison?.divergence.value)
        #expect(divergence < 1e-6)
    }

    @Test func `the measured order is by damage per parameter saved`() throws {
        var job = Collapsing(try residualNetwork(4), on: try inputs(600, [6]))
        job.options.maxLayers = 4
        let outcome = try job.run()
        let ranked = outcome.layers.sorted {
            ($0.divergence ?? .nan) / Double($0.saving) < ($1.divergence ?? .nan) / Double($1.saving)
        }
        #expect(outcome.points.last?.collapsed == ranked.map(\.block))
        #expect(outcome.points.map(\.layers) == [1, 2, 3, 4])
        #expect(outcome.points.map(\.parameters) == outcome.points.map { $0.graph.parameterCount })
        for layer in outcome.layers {
            #expect((layer.parametersBefore, layer.parametersAfter) == (24 * 7 + 6 * 25, 6 * 7))
        }
    }

    @Test func `from_end takes the blocks from the output backwards`() throws {
        var job = Collapsing(try residualNetwork(4, linear: [1]), on: try inputs(300, [6]))
        job.options.order = .fromEnd
        job.options.maxLayers = 4
        #expect(try job.run().points.last?.collapsed == [3, 2, 1, 0].map(Self.activation))
    }

    @Test(arguments: [(false, 1.0), (true, 0.5)])
    func `a map behind another repairs the damage before it`(isNaive: Bool, share: Double) throws {
        var network = try Network(batch: 16, [6], seed: 5)
        try network.residual("one", hidden: 24)
        try network.residual("two", hidden: 24)
        let graph = network.finished()
        let (data, others) = (try inputs(2000, [6], seed: 1), try inputs(2000, [6], seed: 2))
        let moments = BlockMoments(original: graph)
        let candidates = Candidates(in: graph).found
        let plain = try zip(candidates, moments.ofUntouched(candidates, on: data)).map { candidate, sums in
            try BlockFit(candidate, in: graph, fit: sums, heldOut: sums)
        }
        // The error of a fitted map cannot be explained by another map of the same stream; that of a naive merge can.
        let first = try isNaive ? MergeLinear(in: graph).rewrites(candidates[0]) : plain[0].rewrites(candidates[0])
        let behind = try graph.replacing(first)
        let second = try #require(Candidates(in: behind).found.first)
        let sums = try moments.of(second, in: behind, on: data)
        let repairing = try BlockFit(second, in: behind, fit: sums, heldOut: sums)
        let original = try logits(graph, others)
        let parallel = meanSquare(try logits(behind.replacing(plain[1].rewrites(second)), others), original)
        let feedback = meanSquare(try logits(behind.replacing(repairing.rewrites(second)), others), original)
        #expect(feedback < share * parallel)
    }

    @Test func `the target of a block behind others is what the original's stream lacks`() throws {
        var network = try Network(batch: 16, [6], seed: 5)
        try network.residual("one", hidden: 24)
        try network.residual("two", hidden: 24)
        let graph = network.finished()
        let data = try inputs(200, [6], seed: 1)
        let candidates = Candidates(in: graph).found
        let behind = try graph.replacing(MergeLinear(in: graph).rewrites(candidates[0]))
        let second = try #require(Candidates(in: behind).found.first)
        let found = try BlockMoments(original: graph).of(second, in: behind, on: data)
        // y* = (r + y) of the original - r of the network as it is now
        let (wanted, now) = (try logits(graph, data), try values("/one.sum/out", of: behind, data))
        let target = try Tensor(zip(wanted.floats, now.floats).map { $0 - $1 }, wanted.shape)
        var expected = Moments(inputs: 6, outputs: 6)
        try expected.add(now, target)
        expectClose(found.covarianceXX.values, expected.covarianceXX.values, within: 1e-5)
        expectClose(found.covarianceXY.values, expected.covarianceXY.values, within: 1e-5)
        expectClose([found.varianceY], [expected.varianceY], within: 1e-5)
    }

    @Test func `without a residual stream the target is the original's output`() throws {
        var network = try Network(batch: 16, [5])
        for (index, width) in [20, 5, 20, 3].enumerated() {
            if index > 0 { try network.unary(.tanh, "act\(index)") }
            try network.linear("fc\(index)", width)
        }
        let graph = network.finished()
        let data = try inputs(100, [5])
        let first = try #require(Candidates(in: graph).found.first)
        let behind = try graph.replacing(MergeLinear(in: graph).rewrites(first))
        let second = try #require(Candidates(in: behind).found.last)
        let found = try BlockMoments(original: graph).of(second, in: behind, on: data)
        var expected = Moments(inputs: 5, outputs: 3)
        try expected.add(
            behind.outputs(of: second.input, for: data), logits(graph, data))
        expectClose(found.covarianceXY.values, expected.covarianceXY.values, within: 1e-6)
    }

    @Test func `a chain of layers becomes one`() throws {
        var network = try Network(batch: 16, [6])
        for (index, width) in [24, 24, 4].enumerated() {
            if index > 0 { try network.unary(.relu, "act\(index)") }
            try network.linear("fc\(index)", width, offset: 30...31)
        }
        var job = Collapsing(network.finished(), on: try inputs(500, [6]))
        job.options.maxLayers = 2
        let outcome = try job.run()
        #expect(outcome.collapsedCount == 2)
        #expect(outcome.graph.parameterCount == 4 * 7)
        #expect(try #require(outcome.chosen?.comparison).divergence.value < 1e-4)
    }
}
