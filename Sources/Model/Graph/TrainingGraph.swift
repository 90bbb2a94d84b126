import Compute

/// A network extended for training by the loss and its gradient with respect to each trained parameter.
struct TrainingGraph {
    private(set) var graph: Graph
    /// The weighted sum of the terms, without the slope penalties.
    let loss: ValueID
    private(set) var trained: [(index: Int, parameter: ValueID, gradient: ValueID)] = []
    /// The scalar input of each term for the share of this run's mean in the loss of the whole batch; empty if a share
    /// is always 1.
    let shares: [ValueID]

    /// - Parameters:
    ///   - network: the network, at the batch size of a run.
    ///   - objective: the function to minimise.
    ///   - trainable: the indices of the parameters to train.
    ///   - options: whether the slope penalty is a part of the loss, and how many runs a batch takes.
    /// - Throws: ``ModelError`` for an op without a gradient between the loss and the parameters.
    init(
        _ network: Graph, _ objective: Objective, trainable: Set<Int>, _ options: TrainingOptions
    ) throws(ModelError) {
        var (graph, compared) = try network.prepared(fetching: objective.terms.map(\.value), trained: trainable)
        var terms = objective.terms
        for (index, value) in compared.enumerated() { terms[index].value = value }
        (loss, shares) = try graph.append(terms, isShared: objective.isShared(options))
        var total = loss
        if case .sgd = options.optimizer {
            for penalty in objective.slopePenalties {
                let part = Objective.SlopePenalty(
                    parameter: penalty.parameter, strength: penalty.strength / Float(options.runsPerStep))
                total = try graph.append(.binary(.add), [total, try graph.append(part)])
            }
        }
        let candidates = graph.values.filter { graph.parameterIndex($0).map(trainable.contains) ?? false }
        let gradients = try graph.gradients(of: total, withRespectTo: candidates)
        for (parameter, gradient) in zip(candidates, gradients) {
            guard let gradient, let index = graph.parameterIndex(parameter) else { continue }
            trained.append((index, parameter, gradient))
        }
        self.graph = graph
    }

    /// The bytes that a ``Trainer`` of the graph takes: the memory of a run, the trained parameters twice (in training
    /// and as the result), the optimizer's moments, and the sums of gradients if several runs make a batch.
    ///
    /// - Throws: ``ModelError`` as the trainer itself does.
    func byteCount(_ options: TrainingOptions) throws(ModelError) -> Int {
        let updates = trained.map { trained in
            ExecutionPlan.Update(parameter: trained.parameter, gradient: trained.gradient) { _, _ in
                preconditionFailure("a plan that is only measured prepares nothing")
            }
        }
        let parameters = trained.reduce(0) { $0 + graph.type($1.parameter).byteCount }
        let copies = 2 + options.optimizer.momentCount + (options.runsPerStep > 1 ? 1 : 0)
        return try ExecutionPlan.byteCount(of: graph, fetching: [loss], updates: updates) + copies * parameters
    }
}

extension Objective {
    /// True when the mean over a run may differ from its share of the mean over the counted rows of the batch.
    fileprivate func isShared(_ options: TrainingOptions) -> Bool {
        options.runsPerStep > 1 || terms.contains { $0.mask != nil }
    }
}

extension Optimizer {
    /// The number of tensors of a parameter's size that are kept between steps.
    var momentCount: Int {
        switch self {
        case .sgd: 1
        case .adamW: 2
        }
    }
}
