import Compute
import Foundation
import Model
import Options
import Testing

@testable import Collapse

@Suite struct SlopeTrainingTests {
    /// A block with something between its layers; `offset` of 10 keeps every hidden value positive.
    private static func job(
        offset: ClosedRange<Float> = -1...1, samples: Int = 64, _ between: (inout Network) throws -> Void
    ) throws -> Collapsing {
        var network = try Network(batch: 16, [5])
        try network.linear("fc1", 20, offset: offset)
        try between(&network)
        try network.linear("fc2", 3)
        var job = Collapsing(network.finished(), on: try inputs(samples, [5]))
        (job.options.method, job.options.finetune, job.options.steps) = (.layercollapse, .selfDistill, 0)
        return job
    }

    /// Trains the slopes of all blocks.
    private static func train(_ job: Collapsing, _ emit: @escaping (CollapseEvent) -> Void = { _ in }) throws -> Graph {
        let training = SlopeTraining(
            original: job.graph, samples: try job.samples(),
            targets: TrainingTargets(original: job.graph, task: job.task, mode: job.options.finetune),
            options: job.options, emit: emit)
        return try training.run(job.graph, Candidates(in: job.graph).found.map(\.id), as: "slopes")
    }

    private static func slopes(_ graph: Graph) -> [Float] {
        Candidates(in: graph).found.flatMap { candidate -> [Float] in
            if case .prelu(let slope) = candidate.activation { graph.parameters[slope].tensor.floats } else { [.nan] }
        }
    }

    @Test(
        arguments: [
            (Between("ReLU", "") { try $0.unary(.relu) }, 0, false),
            (Between("LeakyReLU", "") { try $0.unary(.leakyRelu(slope: 0.2)) }, 0.2, false),
            (Between("PReLU", "") { try $0.prelu([0.3]) }, 0.3, false),
            (Between("a slope a feature", "") { try $0.prelu((0..<20).map { 0.5 + Float($0) / 100 }) }, 0.595, true),
            (Between("GELU", "") { try $0.unary(.gelu) }, 0.01, true),
            (Between("tanh", "") { try $0.unary(.tanh) }, 0.01, true),
        ] as [(Between, Float, Bool)])
    func `each activation starts at the slope that it has, and what that alone costs is said`(
        between: Between, start: Float, isLossy: Bool
    ) throws {
        let job = try Self.job(between.build)
        var warnings: [String] = []
        let trained = try Self.train(job) { event in
            if case .warning(let code, let message) = event {
                warnings.append(code)
                #expect(message.hasPrefix("PReLU in place of the activations alone moves the outputs by "))
            }
        }
        let slopes = Self.slopes(trained)
        #expect(slopes.count == 1)
        #expect(abs(slopes[0] - start) < 1e-6)
        #expect(warnings == (isLossy ? ["lossy_activation"] : []))
        if !isLossy { expectClose(try logits(trained, job.data), try logits(job.graph, job.data), within: 1e-6) }
    }

    /// Every hidden value is positive: the loss does not depend on the slope, only the penalty does.
    @Test(arguments: [0.0, 0.9])
    func `SGD takes the pull into its derivative`(momentum: Double) throws {
        var job = try Self.job(offset: 10...11) { try $0.unary(.relu) }
        (job.options.steps, job.options.penalty, job.options.learningRate) = (12, 4, 0.01)
        (job.options.momentum, job.options.weightDecay, job.options.optimizer) = (momentum, 0.5, .sgd)
        job.options.train = .collapsed
        var heard: [Float] = []
        let trained = try Self.train(job) { event in
            if case .step(let step) = event { heard += step.slopes.map(\.slope) }
        }
        var (slope, velocity, expected) = (0.0, 0.0, [Double]())
        for _ in 0..<12 {
            velocity = momentum * velocity + 2 * 4 * (slope - 1)
            slope -= 0.01 * velocity
            expected.append(slope)
        }
        expectClose(heard.map(Double.init), expected, within: 1e-5)
        #expect(heard.last == Self.slopes(trained)[0])
    }

    @Test func `AdamW takes the pull apart from its derivative, and decay leaves slopes alone`() throws {
        var job = try Self.job(offset: 10...11) { try $0.unary(.relu) }
        (job.options.steps, job.options.penalty, job.options.learningRate) = (12, 4, 0.01)
        (job.options.weightDecay, job.options.optimizer) = (0.5, .adamw)
        var heard: [Float] = []
        _ = try Self.train(job) { event in
            if case .step(let step) = event { heard += step.slopes.map(\.slope) }
        }
        // a <- a - 2 lr lambda (a - 1): the gap shrinks by 8 % in the first step, and by less along half a cosine.
        var (gap, gaps) = (1.0, [Double]())
        for step in 0..<12 {
            let factor: Double = (1 + cos(Double.pi * Double(step) / 12)) / 2
            gap *= 1 - 0.08 * factor
            gaps.append(gap)
        }
        expectClose(heard.map(Double.init), gaps.map { 1 - $0 }, within: 1e-5)
    }

    @Test(arguments: [1, 2, 3, 10, 100])
    func `AdamW's own choice of a penalty brings a slope within the threshold, in however few steps`(steps: Int) throws
    {
        var job = try Self.job(offset: 10...11) { try $0.unary(.relu) }
        (job.options.steps, job.options.optimizer) = (steps, .adamw)
        let slope = try Self.slopes(Self.train(job))[0]
        #expect(abs(slope - 1) < 0.05)
    }

    @Test(arguments: [1, 3, 30, 300, 3000])
    func `AdamW's own choice of a penalty wins against a loss that pulls a slope away in every step`(steps: Int) {
        var options = JobOptions()
        (options.steps, options.optimizer) = (steps, .adamw)
        let plan = TrainingPlan.slopes(options, stepsPerEpoch: 78)
        var slope = 0.0
        for step in 0..<steps {
            let rate = Double(plan.rate(at: step))
            slope -= rate
            slope -= 2 * rate * plan.penalty * (slope - 1)
        }
        #expect(abs(slope - 1) < 0.05)
    }

    @Test func `the collapsing layers change, and of the others those that train names: all by default`() throws {
        var job = Collapsing(try residualNetwork(2), on: try inputs(100, [6]))
        (job.options.method, job.options.finetune, job.options.steps) = (.layercollapse, .selfDistill, 5)
        job.options.penalty = 50
        for (train, changed) in [(JobOptions.Train.collapsed, false), (.after, true), (.all, true), (nil, true)] {
            job.options.train = train
            let graph = try Self.train(job)
            let head = try #require(graph.parameters.first { $0.name == "head.weight" })
            let before = try #require(job.graph.parameters.first { $0.name == "head.weight" })
            #expect((head.tensor.floats != before.tensor.floats) == changed)
        }
    }

    @Test(arguments: [
        Between("alone", "") { try $0.prelu([0.6]) },
        Between("norm after", "") {
            try $0.prelu([0.6])
            try $0.batchNorm()
        },
        Between("norm before", "") {
            try $0.batchNorm()
            try $0.prelu([0.6])
        },
        Between("norms on either side", "") {
            try $0.batchNorm("one")
            try $0.prelu([1.3])
            try $0.batchNorm("two")
        },
        Between("LeakyReLU", "") { try $0.unary(.leakyRelu(slope: 0.7)) },
    ])
    func `the bound is the mean square by which the merge changes the block`(between: Between) throws {
        for isOutByIn in [true, false] {
            var network = try Network(batch: 16, [5])
            try network.linear("fc1", 20)
            try between.build(&network)
            try network.linear("fc2", 3, isOutByIn: isOutByIn)
            var job = Collapsing(network.finished(), on: try inputs(555, [5]))
            (job.options.method, job.options.finetune) = (.layercollapse, .selfDistill)
            (job.options.steps, job.options.threshold) = (0, 0.5)
            // A norm in front of the second layer is not merged with it, so that the bound takes it into account.
            job.options.exclude = ["fc2"]
            let outcome = try job.run()
            let layer = try #require(outcome.layers.last)
            #expect(layer.isCollapsed)
            let search = try job.samples().search
            let change = meanSquare(try logits(outcome.graph, search), try logits(job.graph, search))
            #expect(change > 1e-4)
            #expect(abs(try #require(layer.bound) / change - 1) < 1e-4)
        }
    }

    @Test func `on tokens the bound is the mean over them`() throws {
        var network = try Network(batch: 8, [7, 5])
        try network.linear("fc1", 20, bias: .addedRight)
        try network.prelu([0.6])
        try network.linear("fc2", 3, bias: .addedLeft)
        var job = Collapsing(network.finished(), on: try inputs(99, [7, 5]))
        (job.options.method, job.options.finetune) = (.layercollapse, .selfDistill)
        (job.options.steps, job.options.threshold) = (0, 0.5)
        let outcome = try job.run()
        let search = try job.samples().search
        let change = meanSquare(try logits(outcome.graph, search), try logits(job.graph, search))
        #expect(abs(try #require(outcome.layers.first?.bound) / change - 1) < 1e-4)
    }

    @Test func `a block whose slope stays far from one is refused with it`() throws {
        var job = try Self.job { try $0.unary(.relu) }
        (job.options.steps, job.options.penalty) = (2, 5)
        let outcome = try job.run()
        let layer = try #require(outcome.layers.first)
        #expect(!layer.isCollapsed)
        let slope = try #require(layer.slope)
        #expect(slope > 0 && slope < 0.1)
        #expect(layer.reason == "its slope \(rounded(slope)) is not within 0.05 of the identity's slope, 1")
        #expect(layer.bound != nil)
        #expect(outcome.graph.numbers == job.graph.numbers)
    }

    @Test func `with its standard numbers a ReLU merges`() throws {
        var job = try Self.job(samples: 200) { try $0.unary(.relu) }
        job.options.steps = nil
        var last: TrainingStep?
        let outcome = try job.run { event in
            if case .step(let step) = event { last = step }
        }
        #expect(outcome.layers.map(\.isCollapsed) == [true])
        #expect(outcome.graph.parameterCount == 3 * 6)
        #expect((last?.step, last?.steps, last?.stepsPerEpoch, last?.batchSize) == (300, 300, 9, 16))
    }
}
