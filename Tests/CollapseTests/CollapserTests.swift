import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct CollapserTests {
    private static func job(_ count: Int = 4, linear: Set<Int> = [], gain: Float = 1) throws -> Collapsing {
        Collapsing(try residualNetwork(count, linear: linear, gain: gain), on: try inputs(900, [6]))
    }

    /// The recorded reason against a point, by the activation of its last layer.
    private static func reason(_ outcome: Collapser.Outcome, _ block: BlockID?) throws -> String? {
        let place = try #require(block.flatMap { outcome.layers.place(of: $0) })
        return outcome.layers[place].reason
    }

    @Test(arguments: [
        (["blocks.1.*"], [String](), [false, true, false]),
        (["blocks.?.fc1"], ["*.2.*"], [true, true, false]),
        ([], ["blocks.0.fc1"], [false, true, true]),
    ])
    func `globs say which layers may go`(include: [String], exclude: [String], collapsed: [Bool]) throws {
        var job = try Self.job(3)
        (job.options.include, job.options.exclude, job.options.maxLayers) = (include, exclude, 3)
        let outcome = try job.run()
        #expect(outcome.layers.map(\.isCollapsed) == collapsed)
        for layer in outcome.layers where !layer.isCollapsed {
            #expect(layer.reason == "include and exclude leave it alone")
            #expect(layer.r2 == nil)
        }
    }

    @Test(arguments: [1, 2, 4, 9])
    func `max_layers is where it stops`(limit: Int) throws {
        var job = try Self.job()
        job.options.maxLayers = limit
        let outcome = try job.run()
        #expect(outcome.collapsedCount == min(4, limit))
        #expect(outcome.chosen?.collapsed == outcome.points[min(4, limit) - 1].collapsed)
        for layer in outcome.layers where !layer.isCollapsed {
            #expect(layer.reason == "the budget is reached without it")
        }
    }

    @Test(arguments: 1...4)
    func `compression_ratio takes no layer more than it needs`(count: Int) throws {
        var job = try Self.job()
        let before = job.graph.parameterCount
        job.options.compressionRatio = Double(before) / Double(before - count * (24 * 7 + 6 * 25 - 6 * 7))
        #expect(try job.run().collapsedCount == count)
        job.options.compressionRatio = job.options.compressionRatio.map { $0 - 1e-6 }
        #expect(try job.run().collapsedCount == count)
    }

    @Test func `too few samples for a layer are said, with the number that would do`() throws {
        // Six features and the constant.
        let layers = Candidates(in: try residualNetwork(3)).found
        #expect(Collapser.scarcity(of: 70, for: layers) == nil)
        let message = Collapser.scarcity(of: 69, for: layers)
        #expect(
            message == "'blocks.0.fc1' is fitted on 69 samples for 7 regressors: 70 would do, and 2 more have too few")
        // Each of five tokens counts.
        var network = try Network([5, 8])
        try network.linear("fc1", 32)
        try network.unary(.relu)
        try network.linear("fc2", 4)
        network.graph.addOutput("y", network.value)
        let tokens = Candidates(in: network.graph).found
        #expect(Collapser.scarcity(of: 18, for: tokens) == nil)
        #expect(
            Collapser.scarcity(of: 17, for: tokens) == "'fc1' is fitted on 17 samples for 9 regressors: 18 would do")
    }

    @Test func `a ratio out of reach is said, and all is collapsed`() throws {
        var job = try Self.job()
        job.options.compressionRatio = 1000
        var warnings: [String] = []
        let outcome = try job.run { event in
            if case .warning(let code, let message) = event { warnings.append("\(code): \(message)") }
        }
        #expect(outcome.collapsedCount == 4)
        #expect(!outcome.metBudget)
        let nearest = Double(job.graph.parameterCount) / Double(outcome.graph.parameterCount)
        #expect(
            warnings == ["ratio_missed: compression_ratio 1000.0 is out of reach: the nearest is \(rounded(nearest))"])
    }

    /// The original's metrics on the deciding samples.
    private static func originalMetrics(_ job: Collapsing) throws -> Metrics {
        let samples = try job.samples()
        return try #require(HeldOut(samples.search, original: job.graph, task: job.task).originalMetrics)
    }

    @Test(arguments: 0..<4)
    func `max_disagreement keeps the largest point whose upper bound is within it`(last: Int) throws {
        var job = try Self.job()
        job.options.maxLayers = 4
        let points = try job.run().points
        let bounds = points.map { $0.comparison?.disagreement?.upper95 ?? .nan }
        #expect(zip(bounds, points).allSatisfy { $0 > $1.comparison?.disagreement?.value ?? 1 })
        let limit = bounds[last]
        let expected = try #require(bounds.lastIndex { $0 <= limit }) + 1

        job.options.maxLayers = nil
        job.options.maxDisagreement = limit
        let outcome = try job.run()
        #expect(outcome.metBudget)
        #expect(outcome.collapsedCount == expected)
        #expect(outcome.chosen?.comparison?.disagreement?.upper95 == bounds[expected - 1])
        for place in expected..<4 {
            let found = try #require(points[place].comparison?.disagreement)
            #expect(
                try Self.reason(outcome, points[place].collapsed.last)
                    == "with it, held-out disagreement is \(rounded(found.value)) and may be "
                    + "\(rounded(found.upper95)), over \(rounded(limit))")
        }
    }

    @Test(arguments: 0..<4)
    func `max_metric_drop keeps the largest point whose upper bound is within it`(last: Int) throws {
        var job = try Self.job()
        // The original predicts every label, so that the drop equals the disagreement.
        job.data = try job.data.labelled(by: job.graph)
        job.options.maxLayers = 4
        let before = try Self.originalMetrics(job)
        let points = try job.run().points
        let bounds = try points.map { try #require($0.metrics).dropUpperBound(from: before) }
        let limit = bounds[last] + 1e-9
        let expected = try #require(bounds.lastIndex { $0 <= limit }) + 1
        (job.options.maxLayers, job.options.maxMetricDrop) = (nil, limit)
        let outcome = try job.run()
        #expect(outcome.collapsedCount == expected)
        #expect(outcome.chosen?.metrics?.metric == 1 - (points[expected - 1].comparison?.disagreement?.value ?? 1))
        for place in expected..<4 {
            #expect(
                try Self.reason(outcome, points[place].collapsed.last)?
                    .hasPrefix("with it, held-out the drop of the metric is ") == true)
        }
    }

    @Test func `max_class_drop keeps a rare class that a budget of the whole gives up`() throws {
        let labels = try Tensor([0, 0, 0, 0, 0, 0, 0, 0, 0, 1] as [Int64], Shape([10]))
        func metrics(_ answers: [Int]) throws -> Metrics {
            let values = answers.flatMap { answer in (0..<2).map { $0 == answer ? Float(1) : 0 } }
            let task = PredictionTask(of: try Self.job().graph, labels: labels)
            return Metrics(try Tensor(values, Shape([10, 2])), labels: labels, task)
        }
        let before = try metrics([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        let after = try metrics([0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(before.classes.map(\.recall) == [1, 1])
        #expect(after.worstClass(from: before)?.index == 1)
        #expect(after.worstClass(from: before)?.drop == 1)
        #expect(before.worstClass(from: before) == nil)
        #expect(abs(after.drop(from: before) - 0.1) < 1e-12)
        let job = try Self.job()
        var options = JobOptions()
        options.maxClassDrop = 0.5
        let comparison = try #require(job.run().points.first?.comparison)
        var point = ParetoPoint(job.graph, collapsed: [], .init(comparison: comparison, metrics: after))
        #expect(
            Budget(options, original: before).reasonAgainst(point)
                == "with it, held-out the drop of the recall of class 1 is 1.0, over 0.5")
        point.metrics = before
        #expect(Budget(options, original: before).reasonAgainst(point) == nil)
    }

    @Test func `with no point within the budget that of the smallest damage is given`() throws {
        var job = try Self.job(2, gain: 10)
        job.options.maxDisagreement = 0
        let outcome = try job.run()
        #expect(!outcome.metBudget)
        #expect(outcome.points.count == 2)
        #expect(outcome.chosen?.layers == 1)
        #expect(outcome.collapsedCount == 1)
        for layer in outcome.layers {
            #expect(layer.isCollapsed == (layer.reason == nil))
            if let reason = layer.reason { #expect(reason.hasPrefix("with it, held-out disagreement is ")) }
        }
    }

    @Test func `what a long way does not come to says which budget ends before it`() throws {
        var job = try Self.job(6, gain: 10)
        job.options.maxDisagreement = 0
        let outcome = try job.run()
        #expect(!outcome.metBudget)
        let (tried, others) = (outcome.points.count, outcome.layers.count - outcome.points.count)
        #expect(tried > 0 && others > 0)
        // The last that was tried is the one that is given.
        #expect(
            outcome.layers.count { $0.reason?.hasPrefix("with it, held-out disagreement is ") == true } == tried - 1)
        #expect(
            outcome.layers.count { $0.reason == "it comes after a layer that exceeds the budget" } == others)
    }

    @Test func `by itself it takes what moves the outputs little, up to two in a hundred answers`() throws {
        let job = try Self.job(4, linear: [1, 2], gain: 30)
        let outcome = try job.run()
        #expect(outcome.layers.map(\.isCollapsed) == [false, true, true, false])
        for index in [0, 3] {
            let layer = outcome.layers[index]
            #expect(try #require(layer.divergence) > 0.1)
            #expect(
                layer.reason
                    == "alone it moves the network too far: the outputs' KL is \(rounded(layer.divergence ?? 0)), over 0.1"
            )
        }
        #expect(try #require(outcome.chosen?.comparison?.disagreement).value <= 0.02)

        var soft = try Self.job(4, gain: 0.1)
        let points = try soft.run().points
        #expect(points.count == 4)
        let kept = points.lastIndex { ($0.comparison?.disagreement?.upper95 ?? 1) <= 0.02 }.map { $0 + 1 } ?? 1
        #expect(try soft.run().collapsedCount == kept)
        soft.options.maxLayers = 4
        #expect(try soft.run().collapsedCount == 4)
    }

    @Test func `a network without candidates stays as it is`() throws {
        var network = try Network([6])
        try network.linear("squeeze", 2)
        try network.unary(.relu)
        try network.linear("excite", 6)
        let job = Collapsing(network.finished(), on: try inputs(50, [6]))
        let outcome = try job.run()
        #expect(outcome.layers.map(\.reason) == ["the merged layer would not be smaller"])
        #expect(outcome.points.isEmpty)
        #expect(outcome.chosen == nil)
        #expect(outcome.graph.numbers == job.graph.numbers)

        var plain = try Network([6])
        try plain.linear("only", 4)
        let nothing = try Collapsing(plain.finished(), on: try inputs(50, [6])).run()
        #expect(nothing.layers.isEmpty)
        #expect(nothing.refusals == [Refusal(name: "only", reason: "it is the last layer: its result is an output")])
    }

    @Test(arguments: [JobOptions.Finetune.none, .selfDistill])
    func `the same seed gives the same bits, and another one other samples`(
        finetune: JobOptions.Finetune
    ) throws {
        var job = try Self.job(2)
        job.options.maxLayers = 2
        job.options.calibrationSamples = 200
        (job.options.finetune, job.options.steps) = (finetune, 20)
        let first = try job.run().graph.numbers
        #expect(try job.run().graph.numbers == first)
        job.options.seed = 1
        #expect(try job.run().graph.numbers != first)
    }

    @Test func `labels that say nothing of the outputs are no metric`() throws {
        // The classes exceed the width of the outputs, which are compared by mean square error.
        var job = try Self.job(1)
        let labels = (0..<job.data.count).map { Int64($0 % 7 + 4) }
        job.data = Dataset(
            inputs: job.data.inputs, labels: try Tensor(labels, Shape([job.data.count])), count: job.data.count)
        job.options.loss = .mse
        job.options.maxLayers = 1
        let outcome = try job.run()
        #expect(outcome.collapsedCount == 1)
        #expect(outcome.chosen?.metrics == nil)
    }

    @Test func `a regression's error may grow by a share of itself`() throws {
        var job = try Self.job(2)
        // The targets have a fixed distance from the outputs, so that the error before is known.
        let outputs = try logits(job.graph, job.data)
        let targets = try Tensor(outputs.floats.map { $0 + 0.25 }, outputs.shape)
        job.data = Dataset(inputs: job.data.inputs, labels: targets, count: job.data.count)
        job.options.maxMetricDrop = 1e9
        let outcome = try job.run()
        #expect(outcome.collapsedCount == 2)
        let after = try #require(outcome.chosen?.metrics)
        #expect(after.metricName == "mse")
        let before = try Self.originalMetrics(job)
        let (drop, bound) = (after.drop(from: before), after.dropUpperBound(from: before))
        #expect(abs(drop - (after.metric - 0.0625) / 0.0625) < 1e-4)
        #expect(bound > drop)
        job.options.maxMetricDrop = bound * 1.001
        #expect(try job.run().collapsedCount == 2)
        job.options.maxMetricDrop = bound * 0.999
        #expect(try job.run().collapsedCount < 2)
    }

    @Test func `whoever waits hears of phases, points and layers`() throws {
        var job = try Self.job(2)
        job.options.maxLayers = 1
        (job.options.finetune, job.options.steps) = (.selfDistill, 3)
        var heard: [String] = []
        var (done, steps) = ([Double](), [Int]())
        _ = try job.run { event in
            switch event {
            case .phase(let phase): heard.append(phase.rawValue)
            case .point(let point): heard.append("point \(point.layers)")
            case .layer(let layer): heard.append("\(layer.name) \(layer.isCollapsed)")
            case .progress(let part, let whole): done.append(Double(part) / Double(whole))
            case .step(let step): steps.append(step.step)
            case .warning: heard.append("warning")
            }
        }
        let fate = try job.run().layers.map { "\($0.name) \($0.isCollapsed)" }
        #expect(heard == ["calibrating", "search", "point 1", "point 2", "finetuning"] + fate)
        #expect(done == [0.25, 0.5, 0.75, 1])
        #expect(steps == [1, 2, 3])
    }
}
