import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct FineTuningTests {
    /// A residual network whose middle block was merged as if its ReLU were the identity.
    private struct Damaged {
        var job: Collapsing
        let samples: Samples
        let heldOut: HeldOut
        let point: ParetoPoint

        init(_ finetune: JobOptions.Finetune = .selfDistill, labelled: Bool = false) throws {
            let graph = try residualNetwork(3, gain: 3)
            var data = try inputs(500, [6])
            if labelled { data = try data.labelled(by: residualNetwork(3, gain: 3)) }
            job = Collapsing(graph, on: data)
            job.options.finetune = finetune
            (job.options.steps, job.options.learningRate) = (100, 5e-3)
            samples = try job.samples()
            heldOut = try HeldOut(samples.search, original: graph, task: job.task)
            let candidate = Candidates(in: graph).found[1]
            let merged = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
            point = try ParetoPoint(merged, collapsed: [BlockID("/blocks.1.act/out")], heldOut: heldOut)
        }

        func tuned() throws -> ParetoPoint {
            let targets = TrainingTargets(original: job.graph, task: job.task, mode: job.options.finetune)
            return try FineTuning(targets: targets, options: job.options, heldOut: heldOut) { _ in }
                .run(point, on: samples.training)
        }

        /// Names of the parameters that a training changed.
        func changed(by tuned: ParetoPoint) -> [String] {
            zip(point.graph.parameters, tuned.graph.parameters).filter { $0.tensor.floats != $1.tensor.floats }
                .map(\.0.name).sorted()
        }
    }

    @Test func `the original as a teacher mends what a merge broke`() throws {
        let damaged = try Damaged()
        let (before, after) = (damaged.point, try damaged.tuned())
        #expect(try #require(after.comparison).divergence.value < 0.5 * #require(before.comparison).divergence.value)
        #expect(after.collapsed == before.collapsed)
        #expect(after.parameters == before.parameters)
    }

    @Test func `a training that harms ends after half of its steps`() throws {
        var damaged = try Damaged()
        damaged.job.options.learningRate = 10
        var steps = 0
        let targets = TrainingTargets(original: damaged.job.graph, task: damaged.job.task, mode: .selfDistill)
        let tuning = FineTuning(targets: targets, options: damaged.job.options, heldOut: damaged.heldOut) { event in
            if case .step = event { steps += 1 }
        }
        let after = try tuning.run(damaged.point, on: damaged.samples.training)
        #expect(steps == 50)
        #expect(after.graph.parameters.map(\.tensor.floats) == damaged.point.graph.parameters.map(\.tensor.floats))
    }

    @Test(arguments: [
        (JobOptions.Train.collapsed, ["blocks.1.fc1.bias", "blocks.1.fc1.weight"]),
        (
            .after,
            [
                "blocks.1.fc1.bias", "blocks.1.fc1.weight", "blocks.2.fc1.bias", "blocks.2.fc1.weight",
                "blocks.2.fc2.bias", "blocks.2.fc2.weight", "head.weight",
            ]
        ),
        (
            .all,
            [
                "blocks.0.fc1.bias", "blocks.0.fc1.weight", "blocks.0.fc2.bias", "blocks.0.fc2.weight",
                "blocks.1.fc1.bias", "blocks.1.fc1.weight", "blocks.2.fc1.bias", "blocks.2.fc1.weight",
                "blocks.2.fc2.bias", "blocks.2.fc2.weight", "head.weight",
            ]
        ),
    ])
    func `it trains what the user names and nothing else`(train: JobOptions.Train, names: [String]) throws {
        var damaged = try Damaged()
        damaged.job.options.train = train
        let tuned = try damaged.tuned()
        #expect(damaged.changed(by: tuned) == names)
    }

    /// Keras reshapes `[N, T, d]` to `[N T, d]` before a layer and back behind it.
    @Test func `a layer with several rows for each sample is trained on those of its samples`() throws {
        var network = try Network([3, 6])
        try network.append(.reshape(Shape([12, 6])), "rows")
        try network.linear("fc1", 20)
        try network.unary(.relu)
        try network.linear("fc2", 6)
        try network.append(.reshape(Shape([4, 3, 6])), "back")
        try network.unary(.tanh, "tanh")
        try network.linear("head", 5)
        var job = Collapsing(network.finished(), on: try inputs(200, [3, 6]))
        (job.options.maxDisagreement, job.options.finetune) = (1, .none)
        let fitted = try #require(try job.run().chosen?.comparison)
        (job.options.finetune, job.options.steps, job.options.learningRate) = (.selfDistill, 40, 3e-3)
        let tuned = try #require(try job.run().chosen?.comparison)
        #expect(tuned.divergence.value < fitted.divergence.value)
    }

    @Test(arguments: [JobOptions.Finetune.selfDistill, .labels, .mix])
    func `training that makes it worse is thrown away`(mode: JobOptions.Finetune) throws {
        var damaged = try Damaged(mode, labelled: true)
        damaged.job.options.learningRate = 5
        damaged.job.options.steps = 20
        let tuned = try damaged.tuned()
        #expect(damaged.changed(by: tuned).isEmpty)
        #expect(tuned.comparison?.divergence == damaged.point.comparison?.divergence)
    }

    @Test(arguments: [JobOptions.Finetune.labels, .mix])
    func `labels teach too`(mode: JobOptions.Finetune) throws {
        let damaged = try Damaged(mode, labelled: true)
        let tuned = try damaged.tuned()
        #expect(try #require(tuned.metrics).loss < #require(damaged.point.metrics).loss)
        #expect(damaged.changed(by: tuned) == ["blocks.1.fc1.bias", "blocks.1.fc1.weight"])
    }

    @Test(arguments: [
        (JobOptions.Finetune.labels, ["target/labels: cross_entropy 1.0"]),
        (.mix, ["target/labels: cross_entropy 0.5", "target/teacher: distillation 0.5"]),
        (.selfDistill, ["target/teacher: distillation 1.0"]),
    ])
    func `the objective is made of what was asked for`(mode: JobOptions.Finetune, terms: [String]) throws {
        let damaged = try Damaged(mode, labelled: true)
        let targets = TrainingTargets(original: damaged.job.graph, task: damaged.job.task, mode: mode)
        let stream = "/blocks.1.sum/out"
        let (objective, samples) = try targets.prepare(
            for: damaged.point.graph, streams: [stream], on: damaged.samples.training)
        var named = objective.terms.map { "\($0.target): \($0.loss.rawValue) \($0.weight)" }
        if mode != .labels {
            // The collapsed output is trained to match the original's too, weighted by its inverse variance.
            let held = try #require(objective.terms.last)
            #expect(held.target == "target/hidden.0")
            #expect(held.loss == .meanSquare)
            let original = try values(stream, of: damaged.job.graph, damaged.samples.training)
            let numbers = original.floats.map(Double.init)
            let mean = numbers.reduce(0, +) / Double(numbers.count)
            let variance = numbers.reduce(0) { $0 + pow2($1 - mean) } / Double(numbers.count)
            #expect(abs(Double(held.weight) * variance - 1) < 1e-4)
            #expect(samples.inputs["target/hidden.0"]?.floats == original.floats)
            named.removeLast()
        }
        #expect(named == terms)
        if mode != .labels {
            let teacher = try logits(damaged.job.graph, damaged.samples.training)
            #expect(samples.inputs["target/teacher"]?.floats == teacher.floats)
        }
    }

    @Test func `less than one batch trains nothing`() throws {
        let damaged = try Damaged()
        let targets = TrainingTargets(original: damaged.job.graph, task: damaged.job.task, mode: .selfDistill)
        let tuning = FineTuning(targets: targets, options: damaged.job.options, heldOut: damaged.heldOut) { _ in }
        let tuned = try tuning.run(damaged.point, on: damaged.samples.training.samples(0..<15))
        #expect(damaged.changed(by: tuned).isEmpty)
    }

    @Test(arguments: [true, false])
    func `targets are made for the samples that the steps see, and training is the same`(isShuffled: Bool) throws {
        let (graph, teacher) = (try residualNetwork(3), try residualNetwork(3, gain: 3))
        let data = try inputs(500, [6])
        let task = Collapsing(teacher, on: data).task
        var options = JobOptions()
        (options.steps, options.shuffle, options.seed) = (3, isShuffled, 5)
        let targets = TrainingTargets(original: teacher, task: task, mode: .selfDistill)
        let own = Set(graph.parameters.indices)
        let session = TrainingSession(
            of: graph, own: own, targets: targets, on: data, options: options
        ) { .fineTuning($0, stepsPerEpoch: $1, of: graph) }
        #expect(try session.seen().samples.count == 3 * session.batch && 3 * session.batch < data.count)
        let trained = try session.run("", blocks: { [] }, keeper: .none, isFinishing: { false }) { _, _ in }
        let (objective, all) = try targets.prepare(for: graph, streams: [], on: data)
        let plan = session.plan.options(seed: 5, isShuffled: isShuffled, runsPerStep: session.batch / graph.batchSize)
        let whole = try graph.trained(
            objective, trainable: session.trainable, on: all, options: plan, afterStep: { _, _ in })
        #expect(trained.numbers == whole.numbers)
        #expect(trained.numbers != graph.numbers)
    }

    @Test func `steps that see every sample, or too many bytes of them, copy none`() {
        let limit = 1 << 30
        #expect(TrainingSession.seenCount(of: 100, bytesPerSample: 8, 4, batch: 20) == 80)
        #expect(TrainingSession.seenCount(of: 100, bytesPerSample: 8, 5, batch: 20) == 100)
        #expect(TrainingSession.seenCount(of: 10, bytesPerSample: 8, 1, batch: 20) == 10)
        #expect(TrainingSession.seenCount(of: 100, bytesPerSample: limit / 80, 4, batch: 20) == 80)
        #expect(TrainingSession.seenCount(of: 100, bytesPerSample: limit / 80 + 1, 4, batch: 20) == 100)
    }
}
