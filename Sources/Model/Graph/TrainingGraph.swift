import Compute

/// A network with what training adds to it: the loss, and its derivative by each parameter that changes.
struct TrainingGraph {
    private(set) var graph: Graph
    /// The weighted sum of the terms, without the penalty of slopes.
    let loss: ValueID
    private(set) var trained: [(index: Int, parameter: ValueID, gradient: ValueID)] = []
    /// By term, the scalar input that says which share of the whole batch's loss the mean over this run is; none where it is
    /// always all of it.
    let shares: [ValueID]

    /// - Parameters:
    ///   - network: at the batch size of a run.
    ///   - objective: what becomes small.
    ///   - trainable: indices of the parameters that change.
    ///   - options: whether the penalty of slopes is a part of the loss, and how many runs a batch takes.
    /// - Throws: ``ModelError`` for an op without a derivative on the way.
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

    /// What a ``Trainer`` of it takes: the memory of a run, the parameters that change twice (as they are trained and as
    /// they are handed back), what the optimizer remembers of them, and sums of their derivatives where several runs make
    /// a batch.
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
    /// Whether the mean over a run may be more or less than the mean over what counts of the batch.
    fileprivate func isShared(_ options: TrainingOptions) -> Bool {
        options.runsPerStep > 1 || terms.contains { $0.mask != nil }
    }
}

extension Optimizer {
    /// Tensors of a parameter's size that are remembered between steps.
    var momentCount: Int {
        switch self {
        case .sgd: 1
        case .adamW: 2
        }
    }
}
