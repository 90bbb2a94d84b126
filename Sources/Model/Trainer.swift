package import Compute

/// How a network is trained.
package struct TrainingOptions: Sendable {
    package var steps: Int
    package var learningRate: Float
    package var optimizer: Optimizer
    package var schedule: Schedule
    package var isShuffled: Bool
    package var seed: UInt64

    package init(
        steps: Int, learningRate: Float, optimizer: Optimizer, schedule: Schedule = .constant, isShuffled: Bool = true,
        seed: UInt64 = 0
    ) {
        self.steps = steps
        self.learningRate = learningRate
        self.optimizer = optimizer
        self.schedule = schedule
        self.isShuffled = isShuffled
        self.seed = seed
    }
}

/// Owns a training in progress: the compiled step, the parameters as they are now, and where in the data it is.
package final class Trainer {
    private let graph: Graph
    private let plan: ExecutionPlan
    private let dataset: Dataset
    private let options: TrainingOptions
    private let order: BatchOrder
    private let batchSize: Int
    private let loss: ValueID
    private let inputs: [(tensor: Tensor, samples: Tensor)]
    private let trained: [(index: Int, tensor: Tensor)]
    private let state: OptimizerState
    private let decoupledPenalties: [(slope: Tensor, strength: Float)]
    private var permutation: (epoch: Int, indices: [Int]) = (-1, [])
    /// Steps taken so far.
    package private(set) var step = 0

    /// - Parameters:
    ///   - graph: the network, at the batch size of the training.
    ///   - objective: what becomes small.
    ///   - trainable: indices of the parameters that change.
    ///   - dataset: the network's inputs, and the targets that the objective names.
    ///   - options: how many steps, how large, in which order.
    /// - Throws: ``ModelError/data(input:reason:)`` when the data do not fit or are less than one batch.
    package init(
        _ graph: Graph, objective: Objective, trainable: Set<Int>, dataset: Dataset, options: TrainingOptions
    ) throws(ModelError) {
        var network = graph
        try network.fuseAttention(trained: trainable, fetched: objective.terms.map(\.value))
        let terms = try network.append(objective.terms)
        try dataset.check(fits: network)
        var total = terms
        let slopes = Dictionary(uniqueKeysWithValues: objective.slopePenalties.map { ($0.parameter, $0.strength) })
        if case .sgd = options.optimizer {
            for penalty in objective.slopePenalties {
                total = try network.append(.binary(.add), [total, try network.append(penalty)])
            }
        }
        let candidates = network.values.filter { network.parameterIndex($0).map(trainable.contains) ?? false }
        let gradients = try network.gradients(of: total, withRespectTo: candidates)

        var state = try OptimizerState(options.optimizer)
        var updates: [ExecutionPlan.Update] = []
        for (parameter, gradient) in zip(candidates, gradients) {
            guard let gradient, let index = network.parameterIndex(parameter) else { continue }
            try state.add(index, shape: network.shape(parameter))
            let ready = state
            updates.append(
                .init(parameter: parameter, gradient: gradient) { (tensor, gradient) throws(ModelError) in
                    try ready.update(index, tensor, gradient, decays: slopes[index] == nil)
                })
        }
        plan = try ExecutionPlan(network, fetching: [terms], updates: updates)
        let plan = plan
        trained = updates.compactMap { update in
            network.parameterIndex(update.parameter).map { ($0, plan.tensor(update.parameter)) }
        }
        if case .adamW = options.optimizer {
            decoupledPenalties = trained.compactMap { index, tensor in slopes[index].map { (tensor, $0) } }
        } else {
            decoupledPenalties = []
        }
        inputs = network.inputs.compactMap { input in
            guard case .input(let name) = network[input].op, let samples = dataset.inputs[name] else { return nil }
            return (plan.tensor(input), samples)
        }
        guard let batchSize = inputs.first?.tensor.shape.dimensions.first, batchSize <= dataset.count else {
            throw .data(
                input: "",
                reason: "\(dataset.count) samples are less than one batch: give more, or a smaller batch_size")
        }
        self.graph = graph
        self.batchSize = batchSize
        self.state = state
        self.dataset = dataset
        self.options = options
        loss = terms
        order = BatchOrder(
            sampleCount: dataset.count, batchSize: batchSize, isShuffled: options.isShuffled, seed: options.seed)
    }

    package var stepsPerEpoch: Int { order.stepsPerEpoch }

    /// One batch forward, backward, and the update of the parameters.
    ///
    /// - Returns: the loss before the update, without the penalty of slopes.
    /// - Throws: ``ModelError/nanLoss(step:)`` when it is not a number; the parameters are then of no use.
    package func takeStep() throws(ModelError) -> Float {
        let rows = nextRows()
        for (tensor, samples) in inputs { copyRows(from: samples, rows: rows, into: tensor) }
        let rate = options.learningRate * options.schedule.factor(step: step, of: options.steps)
        state.prepare(step: step, rate: rate)
        plan.run()
        for (slope, strength) in decoupledPenalties {
            // a <- a - 2 rate lambda (a - 1), apart from the adaptive step (METHOD.md).
            slope.copy(from: slope.floats.map { $0 - 2 * rate * strength * ($0 - 1) })
        }
        let value = plan.tensor(loss).floats[0]
        guard value.isFinite else { throw .nanLoss(step: step) }
        step += 1
        return value
    }

    /// A trained parameter as it is now.
    package func parameter(_ index: Int) -> Tensor? {
        trained.first { $0.index == index }?.tensor
    }

    /// The network with the parameters as they are now.
    package func trainedGraph() throws(ModelError) -> Graph {
        var result = graph
        for (index, tensor) in trained {
            do { result.setParameter(index, try tensor.clone()) } catch { throw .compute(.memory(error)) }
        }
        return result
    }

    private func nextRows() -> [Int] {
        let (epoch, batch) = step.quotientAndRemainder(dividingBy: order.stepsPerEpoch)
        if permutation.epoch != epoch { permutation = (epoch, order.permutation(epoch: epoch)) }
        return Array(permutation.indices[(batch * batchSize)..<((batch + 1) * batchSize)])
    }
}

extension Trainer {
    /// Everything that the next step depends on, so that a training can go on elsewhere with the same result.
    package var checkpoint: Checkpoint {
        var tensors: [String: Tensor] = [:]
        for (index, tensor) in trained {
            tensors["parameter.\(index)"] = tensor
            for (order, moment) in (state.moments[index] ?? []).enumerated() {
                tensors["moment.\(index).\(order)"] = moment
            }
        }
        return Checkpoint(step: step, tensors: tensors)
    }

    /// Goes on where a checkpoint of the same training was taken.
    ///
    /// - Throws: ``ModelError/data(input:reason:)`` when it is of another training.
    package func restore(_ checkpoint: Checkpoint) throws(ModelError) {
        let mine = self.checkpoint.tensors
        guard Set(mine.keys) == Set(checkpoint.tensors.keys) else {
            throw .data(input: "checkpoint", reason: "it is of another training")
        }
        for (name, tensor) in mine {
            guard let saved = checkpoint.tensors[name], ValueType(saved) == ValueType(tensor) else {
                throw .data(input: "checkpoint", reason: "'\(name)' has another shape")
            }
            tensor.copy(from: saved)
        }
        step = checkpoint.step
    }
}
