import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct RidgePathTests {
    private static func activation(_ block: Int) -> BlockID { BlockID("/blocks.\(block).act/out") }

    /// The expected network of a point, each block fitted by two runs from the start.
    private static func reference(_ original: Graph, _ accepted: [BlockID], _ samples: Samples) throws -> Graph {
        let moments = BlockMoments(original: original)
        var graph = original
        while let candidate = Candidates(in: graph).found.first(where: {
            accepted.contains($0.id)
        }) {
            let sums =
                if graph.parameterCount == original.parameterCount {
                    try [samples.calibration, samples.search].map { try moments.ofUntouched([candidate], on: $0)[0] }
                } else {
                    try [samples.calibration, samples.search].map { try moments.of(candidate, in: graph, on: $0) }
                }
            let block = try BlockFit(candidate, in: graph, fit: sums[0], heldOut: sums[1])
            graph = try graph.replacing(block.rewrites(candidate))
        }
        return graph
    }

    @Test(arguments: [JobOptions.Order.measured, .fromEnd])
    func `a sweep gives to the bit what runs from the start give`(order: JobOptions.Order) throws {
        var job = Collapsing(try residualNetwork(4, linear: [2]), on: try inputs(300, [6]))
        (job.options.maxLayers, job.options.order) = (4, order)
        let samples = try job.samples()
        let heldOut = try HeldOut(samples.search, original: job.graph, task: job.task)
        for point in try job.run().points {
            let expected = try Self.reference(job.graph, point.collapsed, samples)
            #expect(point.graph.numbers == expected.numbers)
            let (comparison, found) = (try heldOut.comparison(with: expected), try #require(point.comparison))
            #expect(found.divergence == comparison.divergence)
            #expect(found.disagreements == comparison.disagreements)
        }
    }

    @Test(arguments: 1...7)
    func `on a long way only the point that is asked for is computed`(limit: Int) throws {
        var job = Collapsing(try residualNetwork(7), on: try inputs(300, [6]))
        job.options.maxLayers = limit
        let outcome = try job.run()
        #expect(outcome.points.map(\.layers) == [limit])
        #expect(outcome.collapsedCount == limit)
        #expect(outcome.points[0].parameters == job.graph.parameterCount - limit * (24 * 7 + 6 * 25 - 6 * 7))
    }

    @Test(arguments: 1...7)
    func `a long way is halved for the budget`(last: Int) throws {
        var job = Collapsing(try residualNetwork(7), on: try inputs(300, [6]))
        let bounds = try (1...7).map { count in
            job.options.maxLayers = count
            return try #require(#require(job.run().chosen?.comparison).disagreement).upper95
        }
        job.options.maxLayers = nil
        job.options.maxDisagreement = bounds[last - 1]
        var progress: [Double] = []
        let outcome = try job.run { event in
            if case .progress(let done, let all) = event { progress.append(Double(done) / Double(all)) }
        }
        #expect(outcome.points.count <= 4)
        #expect(outcome.points.map(\.layers) == outcome.points.map(\.layers).sorted())
        let chosen = outcome.collapsedCount
        // Damage need not grow at each step: the chosen point is within the budget, and the next, which was tried, is
        // not.
        #expect(outcome.chosen?.comparison?.disagreement?.upper95 ?? 0 <= bounds[last - 1])
        if chosen < 7 {
            let next = try #require(outcome.points.first { $0.layers == chosen + 1 })
            #expect(try #require(next.comparison?.disagreement).upper95 > bounds[last - 1])
        }
        #expect(progress == progress.sorted())
        #expect(progress.last.map { $0 <= 1 } == true)
    }

    @Test func `values are kept up to the limit, and not a byte over it`() throws {
        let (graph, data) = (try residualNetwork(3), try inputs(50, [6]))
        func place(_ passage: PartialForward, _ block: Int) throws -> ValueID {
            try #require(Candidates(in: passage.rest)[Self.activation(block)]?.nodes.first)
        }
        // The residual stream, which is also what the block reads.
        let byteCount = 50 * 6 * 4
        for (limit, isKept) in [(byteCount, true), (byteCount - 1, false)] {
            var passage = PartialForward(graph, [data], byteLimit: limit)
            for block in 1...2 {
                try passage.advance(to: place(passage, block))
                #expect((passage.rest.nodes.count < graph.nodes.count) == isKept)
                let kept = passage.samples[0].inputs.filter { $0.key != "x" }
                #expect(kept.map(\.value.byteCount) == (isKept ? [byteCount] : []))
            }
            let output = passage.rest.outputs[0].value
            #expect(try passage.rest.outputs(of: output, for: passage.samples[0]).floats == logits(graph, data).floats)
        }
    }
}
