import Compute
import Model
import Options
import Testing

@testable import Collapse

/// Two blocks `x + MLP(x)`, each followed by an op without a gradient.
private func obstructed(_ kind: UnaryKind = .gelu) throws -> Graph {
    var network = try Network(batch: 16, [6], seed: 5)
    for index in 0..<2 {
        try network.residual("blocks.\(index)", hidden: 24, kind)
        try network.withoutDerivative("scatter\(index)")
    }
    try network.linear("head", 4)
    return network.finished()
}

@Suite struct BlockTargetsTests {
    private static func job(_ graph: Graph) throws -> Collapsing {
        var job = Collapsing(graph, on: try inputs(500, [6]))
        (job.options.finetune, job.options.maxLayers) = (.selfDistill, 2)
        (job.options.steps, job.options.learningRate) = (200, 5e-3)
        return job
    }

    private static let warning =
        "'/scatter1/out' has no derivative: it scatters by maximum; collapsed layers are fitted and tuned against the "
        + "outputs of their own blocks alone"

    @Test(arguments: [JobOptions.Train.collapsed, .after, .all])
    func `a network that cannot be differentiated is compressed, and it is said once how`(
        train: JobOptions.Train
    ) throws {
        var job = try Self.job(obstructed())
        job.options.train = train
        var (warnings, steps) = ([String](), 0)
        let outcome = try job.run { event in
            switch event {
            case .warning(let code, let message):
                #expect(code == "no_gradient")
                warnings.append(message)
            case .step: steps += 1
            default: break
            }
        }
        #expect(warnings == [Self.warning])
        #expect(steps == 200)
        #expect(outcome.collapsedCount == 2)
    }

    @Test func `nothing is said where a derivative exists, or where nothing is trained`() throws {
        for (graph, mode) in [
            (try residualNetwork(2), JobOptions.Finetune.selfDistill), (try obstructed(), .none),
        ] {
            var job = try Self.job(graph)
            job.options.finetune = mode
            job.options.steps = 2
            _ = try job.run { event in
                if case .warning(let code, _) = event { Issue.record("\(code)") }
            }
        }
    }

    @Test func `each layer is tuned against its own block, and no other parameter changes`() throws {
        var job = try Self.job(obstructed())
        (job.options.steps, job.options.learningRate) = (600, 1e-2)
        let samples = try job.samples()
        let heldOut = try HeldOut(samples.search, original: job.graph, task: job.task)
        var graph = job.graph
        while let candidate = Candidates(in: graph).found.first {
            graph = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        }
        let point = try ParetoPoint(
            graph, collapsed: ["/blocks.0.act/out", "/blocks.1.act/out"].map { BlockID($0) }, heldOut: heldOut)
        let targets = TrainingTargets(original: job.graph, task: job.task, mode: .labels)
        let tuned = try FineTuning(targets: targets, options: job.options, heldOut: heldOut) { _ in }
            .run(point, on: samples.training)
        #expect(try #require(tuned.comparison).divergence.value < 0.5 * #require(point.comparison).divergence.value)
        let changed = zip(graph.parameters, tuned.graph.parameters).filter { $0.tensor.floats != $1.tensor.floats }
        #expect(
            changed.map(\.0.name).sorted() == [
                "blocks.0.up.bias", "blocks.0.up.weight", "blocks.1.up.bias", "blocks.1.up.weight",
            ])
        // Near the best affine map, the ridge fit on the same samples.
        let candidate = Candidates(in: job.graph).found[0]
        let moments = try BlockMoments(original: job.graph).ofUntouched([candidate], on: samples.training)[0]
        let best = try BlockFit(candidate, in: job.graph, fit: moments, heldOut: moments)
        func error(_ graph: Graph) throws -> Double {
            meanSquare(
                try values("/blocks.0.sum/out", of: graph, samples.training),
                try values("/blocks.0.sum/out", of: job.graph, samples.training))
        }
        #expect(try error(tuned.graph) < 1.2 * best.meanSquareError)
        #expect(try error(graph) > 2 * best.meanSquareError)
    }

    @Test func `tuning starts where the fit ended and makes it no worse`() throws {
        var job = try Self.job(obstructed())
        let tuned = try job.run()
        job.options.finetune = .none
        let fitted = try job.run()
        let (before, after) = (try #require(fitted.chosen?.comparison), try #require(tuned.chosen?.comparison))
        #expect(after.divergence.value <= before.divergence.value)
    }

    @Test func `slopes are driven to one beside each block's own output`() throws {
        for order in JobOptions.Order.allCases {
            var job = try Self.job(obstructed(.relu))
            (job.options.method, job.options.order) = (.layercollapse, order)
            (job.options.penalty, job.options.learningRate, job.options.steps) = (0.05, 0.02, 300)
            job.options.threshold = 0.2
            var warnings: [String] = []
            let outcome = try job.run { event in
                if case .warning(let code, _) = event { warnings.append(code) }
            }
            #expect(warnings == ["no_gradient"])
            #expect(outcome.collapsedCount == 2)
            // Training towards the identity is better than replacing the activation by it at once.
            let heldOut = try HeldOut(job.samples().search, original: job.graph, task: job.task)
            var naive = job.graph
            while let candidate = Candidates(in: naive).found.first {
                naive = try naive.replacing(MergeLinear(in: naive).rewrites(candidate))
            }
            let (learnt, put) = (try #require(outcome.chosen?.comparison), try heldOut.comparison(with: naive))
            #expect(learnt.divergence.value < 0.5 * put.divergence.value)
        }
    }

    @Test func `a block whose rows are no samples is cut out with them`() throws {
        var network = try Network(batch: 8, [7, 5])
        try network.append(.reshape(Shape([56, 5])), "rows")
        try network.linear("fc1", 20)
        try network.unary(.gelu)
        try network.linear("fc2", 3)
        try network.withoutDerivative()
        try network.append(.reshape(Shape([8, 21])), "samples")
        var job = Collapsing(network.finished(), on: try inputs(99, [7, 5]))
        (job.options.finetune, job.options.maxLayers, job.options.steps) = (.selfDistill, 1, 20)
        var losses: [Float] = []
        let outcome = try job.run { event in
            if case .step(let step) = event { losses.append(step.loss) }
        }
        #expect(losses.count == 20)
        #expect(losses.allSatisfy { $0 < 1 })
        #expect(outcome.collapsedCount == 1)
    }
}
