package import Compute

/// The options of a training.
package struct TrainingOptions: Sendable {
    package var steps: Int
    package var learningRate: Float
    package var optimizer: Optimizer
    package var schedule: Schedule
    package var isShuffled: Bool
    package var seed: UInt64
    /// The number of runs of the network per step, whose gradients are averaged (gradient accumulation).
    package var runsPerStep: Int

    package init(
        steps: Int, learningRate: Float, optimizer: Optimizer, schedule: Schedule = .constant, isShuffled: Bool = true,
        seed: UInt64 = 0, runsPerStep: Int = 1
    ) {
        precondition(runsPerStep > 0)
        (self.steps, self.learningRate, self.optimizer, self.schedule) = (steps, learningRate, optimizer, schedule)
        (self.isShuffled, self.seed, self.runsPerStep) = (isShuffled, seed, runsPerStep)
    }
}

/// A training in progress: the compiled step, the current parameters, and the position in the data. A class because it
/// owns the plan and the parameters that it changes.
package final class Trainer {
    private let graph: Graph
    private let plan: ExecutionPlan
    private let dataset: Dataset
    private let options: TrainingOptions
    private let order: BatchOrder
    private let objective: Objective
    /// The number of samples per run.
    private let batchSize: Int
    private let loss: ValueID
    private let shares: [Tensor]
    /// The steps before the first and after the last run of a training step that consists of several.
    private let accumulation: (clearing: [Step], updates: [Step])
    private let inputs: [(tensor: Tensor, samples: Tensor)]
    private let trained: [(index: Int, tensor: Tensor)]
    private let state: OptimizerState
    private let decoupledPenalties: [(slope: Tensor, strength: Float)]
    private var permutation: (epoch: Int, indices: [Int]) = (-1, [])
    /// The number of steps taken so far.
    package private(set) var step = 0

    /// - Parameters:
    ///   - graph: the network, at the batch size of the training.
    ///   - objective: the function to minimise.
    ///   - trainable: the indices of the parameters to train.
    ///   - dataset: the network's inputs, and the targets that the objective names.
    ///   - options: the options of the training.
    /// - Throws: ``ModelError/data(input:reason:)`` when the data do not fit or are less than one batch.
    package init(
        _ graph: Graph, objective: Objective, trainable: Set<Int>, dataset: Dataset, options: TrainingOptions
    ) throws(ModelError) {
        let training = try TrainingGraph(graph, objective, trainable: trainable, options)
        let network = training.graph
        try dataset.check(fits: network, but: training.shares)
        let slopes = Dictionary(uniqueKeysWithValues: objective.slopePenalties.map { ($0.parameter, $0.strength) })
        var state = try OptimizerState(options.optimizer)
        var updates: [ExecutionPlan.Update] = []
        var sums: [(index: Int, parameter: ValueID, sum: Tensor)] = []
        for (index, parameter, gradient) in training.trained {
            try state.add(index, shape: network.shape(parameter))
            guard options.runsPerStep == 1 else {
                let sum: Tensor
                do { sum = try Tensor(zeros: network.shape(parameter)) } catch { throw .compute(.memory(error)) }
                sums.append((index, parameter, sum))
                updates.append(
                    .init(parameter: parameter, gradient: gradient) { (_, gradient) throws(ModelError) in
                        try computing { try Step.accumulate(gradient, into: sum) }
                    })
                continue
            }
            let ready = state
            updates.append(
                .init(parameter: parameter, gradient: gradient) { (tensor, gradient) throws(ModelError) in
                    try ready.update(index, tensor, gradient, decays: slopes[index] == nil)
                })
        }
        plan = try ExecutionPlan(network, fetching: [training.loss], updates: updates)
        let plan = plan
        var accumulation: (clearing: [Step], updates: [Step]) = ([], [])
        for (index, parameter, sum) in sums {
            accumulation.clearing.append(
                try computing { try Step.fill(sum, value: 0) })
            accumulation.updates.append(
                try state.update(index, plan.tensor(parameter), sum, decays: slopes[index] == nil))
        }
        self.accumulation = accumulation
        shares = training.shares.map { plan.tensor($0) }
        trained = training.trained.map { ($0.index, plan.tensor($0.parameter)) }
        if case .adamW = options.optimizer {
            decoupledPenalties = trained.compactMap { index, tensor in slopes[index].map { (tensor, $0) } }
        } else {
            decoupledPenalties = []
        }
        inputs = network.inputs.compactMap { input in
            guard case .input(let name) = network[input].op, let samples = dataset.inputs[name] else { return nil }
            return (plan.tensor(input), samples)
        }
        guard let batchSize = inputs.first?.tensor.shape.dimensions.first,
            batchSize * options.runsPerStep <= dataset.count
        else {
            throw .data(
                input: "",
                reason: "\(dataset.count) samples are less than one batch: give more, or a smaller batch_size")
        }
        (self.graph, self.objective, self.batchSize, self.state) = (graph, objective, batchSize, state)
        (self.dataset, self.options) = (dataset, options)
        loss = training.loss
        order = BatchOrder(
            sampleCount: dataset.count, batchSize: batchSize * options.runsPerStep, isShuffled: options.isShuffled,
            seed: options.seed)
    }

    package var stepsPerEpoch: Int { order.stepsPerEpoch }
    /// The number of samples per step.
    package var samplesPerStep: Int { batchSize * options.runsPerStep }

    /// Runs one batch forward and backward, and updates the parameters.
    ///
    /// - Returns: the loss before the update, without the slope penalties.
    /// - Throws: ``ModelError/nanLoss(step:)`` when the loss is not finite; the parameters are then unusable.
    package func takeStep() throws(ModelError) -> Float {
        let rows = nextRows()
        let rate = options.learningRate * options.schedule.factor(step: step, of: options.steps)
        state.prepare(step: step, rate: rate)
        for step in accumulation.clearing { step.run() }
        var value: Float = 0
        for run in 0..<options.runsPerStep {
            let part = Array(rows[(run * batchSize)..<((run + 1) * batchSize)])
            for (tensor, samples) in inputs { copyRows(from: samples, rows: part, into: tensor) }
            for (index, share) in shares.enumerated() {
                share.copy(from: [objective.terms[index].share(of: part, in: rows, of: dataset)])
            }
            plan.run()
            value += plan.tensor(loss).floats[0]
        }
        for step in accumulation.updates { step.run() }
        for (slope, strength) in decoupledPenalties {
            // a <- a - 2 rate lambda (a - 1), apart from the adaptive step (docs/method.md).
            slope.copy(from: slope.floats.map { $0 - 2 * rate * strength * ($0 - 1) })
        }
        guard value.isFinite else { throw .nanLoss(step: step) }
        step += 1
        return value
    }

    /// The current value of a trained parameter.
    package func parameter(_ index: Int) -> Tensor? { trained.first { $0.index == index }?.tensor }

    /// The network with the trained parameters. It shares their memory, which a further step would change.
    package func trainedGraph() -> Graph {
        var result = graph
        for (index, tensor) in trained { result.setParameter(index, tensor) }
        return result
    }

    private func nextRows() -> [Int] {
        let (epoch, batch) = step.quotientAndRemainder(dividingBy: order.stepsPerEpoch)
        if permutation.epoch != epoch { permutation = (epoch, order.permutation(epoch: epoch)) }
        return Array(permutation.indices[(batch * samplesPerStep)..<((batch + 1) * samplesPerStep)])
    }
}

extension Objective.Term {
    /// The factor of the mean over a run, such that the products of all runs add up to the mean over the counted rows
    /// of the whole batch.
    fileprivate func share(of part: [Int], in batch: [Int], of dataset: Dataset) -> Float {
        if let mask, let places = dataset.inputs[mask] {
            // The mean over a run divides by the number of all positions.
            let rows = part.count * (places.shape.elementCount / max(1, dataset.count))
            return Float(rows)
                / Float(max(1, batch.reduce(0) { $0 + places.rows($1..<($1 + 1)).bools.count(where: \.self) }))
        }
        guard loss == .crossEntropy, let labels = dataset.inputs[target] else {
            return Float(part.count) / Float(batch.count)
        }
        func counted(_ samples: [Int]) -> Int {
            samples.reduce(0) { count, sample in
                count + labels.rows(sample..<(sample + 1)).int64s.count { $0 != Loss.ignoredLabel }
            }
        }
        return Float(counted(part)) / Float(max(1, counted(batch)))
    }
}

extension Trainer {
    /// The state that the next step depends on, so that another process can resume the training with the same result.
    /// After the last step it has no moments of the optimizer, since they are no longer needed.
    package var checkpoint: Checkpoint { Checkpoint(step: step, tensors: memory(at: step)) }

    /// The tensors of a checkpoint after `step` steps, by name.
    private func memory(at step: Int) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (index, tensor) in trained {
            tensors["parameter.\(index)"] = tensor
            guard step < options.steps else { continue }
            for (order, moment) in (state.moments[index] ?? []).enumerated() {
                tensors["moment.\(index).\(order)"] = moment
            }
        }
        return tensors
    }

    /// Restores the state of a checkpoint of the same training.
    ///
    /// - Throws: ``ModelError/data(input:reason:)`` when it belongs to another training; nothing is changed then.
    package func restore(_ checkpoint: Checkpoint) throws(ModelError) {
        guard (0...options.steps).contains(checkpoint.step) else {
            throw .data(input: "checkpoint", reason: "it is after \(checkpoint.step) steps of \(options.steps)")
        }
        let mine = memory(at: checkpoint.step)
        guard Set(mine.keys) == Set(checkpoint.tensors.keys) else {
            throw .data(input: "checkpoint", reason: "it is of another training")
        }
        for (name, tensor) in mine where checkpoint.tensors[name].map(ValueType.init) != ValueType(tensor) {
            throw .data(input: "checkpoint", reason: "'\(name)' has another shape")
        }
        for (name, tensor) in mine {
            if let saved = checkpoint.tensors[name] { tensor.copy(from: saved) }
        }
        step = checkpoint.step
    }
}
