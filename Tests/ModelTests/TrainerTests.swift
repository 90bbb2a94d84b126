import Compute
import Testing

@testable import Model

@Test func `SGD with momentum takes the steps that the formula gives`() throws {
    // y = w x, mean square to 0: dw = 2 w x^2 / 1; x = 1, w0 = 1, rate 0.1, momentum 0.9, decay 0.
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([1, 1])))
    let weight = graph.addParameter(
        Parameter(name: "w", tensor: try Tensor([1] as [Float], Shape([1, 1])), isTrainable: true))
    let y = try graph.append(.matMul(transposeLeft: false, transposeRight: true), [x, weight])
    graph.addOutput("y", y)
    let data = Dataset(
        inputs: [
            "x": try Tensor([1] as [Float], Shape([1, 1])), "target": try Tensor([0] as [Float], Shape([1, 1])),
        ], count: 1)
    let trainer = try Trainer(
        graph, objective: Objective(terms: [.init(.meanSquare, of: y, target: "target")]), trainable: [0],
        dataset: data,
        options: TrainingOptions(
            steps: 3, learningRate: 0.1, optimizer: .sgd(momentum: 0.9, weightDecay: 0), isShuffled: false))
    var (w, v): (Float, Float) = (1, 0)
    for _ in 0..<3 {
        let loss = try trainer.takeStep()
        #expect(abs(loss - w * w) < 1e-6)
        v = 0.9 * v + 2 * w
        w -= 0.1 * v
        let now = try #require(trainer.parameter(0)).floats[0]
        #expect(abs(now - w) < 1e-6)
    }
}

@Test(arguments: [Optimizer.sgd(momentum: 0.9, weightDecay: 0.01), .adamW(weightDecay: 0.01)])
func `a training that was interrupted ends with the same bits`(optimizer: Optimizer) throws {
    let graph = try TrainedNetwork.network(batch: 4)
    func trainer() throws -> Trainer {
        try Trainer(
            graph, objective: TrainedNetwork.objective(graph), trainable: [0, 1], dataset: TrainedNetwork.samples(23),
            options: TrainedNetwork.options(optimizer, steps: 20))
    }
    let whole = try trainer()
    for _ in 0..<20 { _ = try whole.takeStep() }

    let first = try trainer()
    for _ in 0..<9 { _ = try first.takeStep() }
    let second = try trainer()
    try second.restore(first.checkpoint)
    #expect(second.step == 9)
    for _ in 9..<20 { _ = try second.takeStep() }
    for index in 0..<2 {
        let (one, other) = (try #require(whole.parameter(index)), try #require(second.parameter(index)))
        #expect(one.floats == other.floats)
    }
}

@Test(arguments: [Optimizer.sgd(momentum: 0.9, weightDecay: 0.01), .adamW(weightDecay: 0.01)])
func `a training goes on after any of its steps, and ends with the same bits`(optimizer: Optimizer) throws {
    let graph = try TrainedNetwork.network(batch: 4)
    var kept: [Checkpoint] = []
    func trained(from checkpoint: Checkpoint?) throws -> (numbers: [[Float]], steps: [Int], refused: [String]) {
        var (steps, refused) = ([Int](), [String]())
        let keeper = CheckpointKeeper(
            find: { $0 == "lesson" ? checkpoint : nil },
            offer: { work, isEnd, take in
                #expect(work == "lesson")
                let now = take()
                #expect(isEnd == (now.step == 20))
                // The trainer continues to change the same tensors.
                if checkpoint == nil {
                    kept.append(Checkpoint(step: now.step, tensors: now.tensors.mapValues { (try? $0.clone()) ?? $0 }))
                }
            }, reject: { refused.append("\($0): \($1)") })
        let result = try graph.trained(
            TrainedNetwork.objective(graph), trainable: [1], on: TrainedNetwork.samples(23),
            options: TrainedNetwork.options(optimizer, steps: 20), as: "lesson",
            keeper: keeper
        ) { trainer, _ in steps.append(trainer.step) }
        return (result.parameters.map(\.tensor.floats), steps, refused)
    }
    let whole = try trained(from: nil)
    #expect(kept.map(\.step) == Array(1...20))
    // The optimizer's moments are not needed after the last step.
    #expect(kept.last?.tensors.keys.sorted() == ["parameter.1"])
    for checkpoint in kept {
        let rest = try trained(from: checkpoint)
        #expect(rest.numbers == whole.numbers)
        #expect(rest.steps == Array(1...20).filter { $0 > checkpoint.step })
        #expect(rest.refused.isEmpty)
    }

    let (early, last) = (kept[3], kept[19])
    let strange: [(Checkpoint, String)] = [
        (Checkpoint(step: 21, tensors: last.tensors), "it is after 21 steps of 20"),
        (Checkpoint(step: -1, tensors: early.tensors), "it is after -1 steps of 20"),
        (Checkpoint(step: 4, tensors: last.tensors), "it is of another training"),
        (Checkpoint(step: 20, tensors: [:]), "it is of another training"),
        (
            Checkpoint(step: 20, tensors: ["parameter.1": try Tensor(zeros: Shape([4, 2]))]),
            "'parameter.1' has another shape"
        ),
    ]
    for (checkpoint, reason) in strange {
        let anew = try trained(from: checkpoint)
        #expect(anew.numbers == whole.numbers)
        #expect(anew.steps == Array(1...20))
        #expect(anew.refused.count == 1 && anew.refused[0].hasSuffix(reason), "\(anew.refused)")
    }
}

@Test func `training makes the loss small`() throws {
    let graph = try TrainedNetwork.network(batch: 8)
    var losses: [Float] = []
    _ = try graph.trained(
        TrainedNetwork.objective(graph), trainable: [0, 1], on: separable(64),
        options: TrainedNetwork.options(.adamW(weightDecay: 0), steps: 200),
        afterStep: { _, loss in losses.append(loss) })
    #expect(losses.count == 200)
    let (first, last) = (losses.prefix(8).reduce(0, +), losses.suffix(8).reduce(0, +))
    #expect(last < 0.2 * first)
}

/// Samples of two classes, separated by the sign of the first feature.
private func separable(_ count: Int) throws -> Dataset {
    let x = try random(Shape([count, 3]), seed: 8, -2...2)
    let labels = stride(from: 0, to: count * 3, by: 3).map { Int64(x.floats[$0] > 0 ? 1 : 0) }
    return Dataset(inputs: ["x": x, "target": try Tensor(labels, Shape([count]))], count: count)
}

@Test func `less than one batch is refused with a way out`() throws {
    let graph = try TrainedNetwork.network(batch: 8)
    #expect {
        try Trainer(
            graph, objective: TrainedNetwork.objective(graph), trainable: [0], dataset: TrainedNetwork.samples(7),
            options: TrainedNetwork.options(.adamW(weightDecay: 0), steps: 1))
    } throws: { error in
        "\(error)".contains("7 samples are less than one batch: give more, or a smaller batch_size")
    }
}

@Test func `a loss that is not a number names its step`() throws {
    let graph = try TrainedNetwork.network(batch: 4)
    let trainer = try Trainer(
        graph, objective: TrainedNetwork.objective(graph), trainable: [0, 1], dataset: TrainedNetwork.samples(8),
        options: TrainingOptions(
            steps: 500, learningRate: 1e30, optimizer: .sgd(momentum: 0.9, weightDecay: 0), isShuffled: false))
    #expect {
        for _ in 0..<500 { _ = try trainer.takeStep() }
    } throws: { error in
        if case ModelError.nanLoss = error { true } else { false }
    }
}

@Test func `AdamW pulls a slope to one apart from the adaptive step`() throws {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([2, 1])))
    let slope = graph.addParameter(
        Parameter(name: "slope", tensor: try Tensor([0] as [Float], Shape([1])), isTrainable: true))
    let y = try graph.append(.prelu, [x, slope])
    graph.addOutput("y", y)
    // For positive inputs the loss does not depend on the slope, only the penalty does.
    let data = Dataset(
        inputs: [
            "x": try Tensor([1, 2] as [Float], Shape([2, 1])), "target": try Tensor([1, 2] as [Float], Shape([2, 1])),
        ], count: 2)
    let trainer = try Trainer(
        graph,
        objective: Objective(
            terms: [.init(.meanSquare, of: y, target: "target")], slopePenalties: [.init(parameter: 0, strength: 5)]),
        trainable: [0], dataset: data,
        options: TrainingOptions(steps: 10, learningRate: 0.01, optimizer: .adamW(weightDecay: 0.5), isShuffled: false))
    var expected: Float = 0
    for _ in 0..<10 {
        _ = try trainer.takeStep()
        expected -= 2 * 0.01 * 5 * (expected - 1)
    }
    let now = try #require(trainer.parameter(0)).floats[0]
    #expect(abs(now - expected) < 1e-5)
}
