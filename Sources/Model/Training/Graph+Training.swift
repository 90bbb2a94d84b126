import Compute

extension Graph {
    /// Trains some parameters of the network.
    ///
    /// - Parameters:
    ///   - objective: the function to minimise.
    ///   - trainable: the indices of the parameters to train.
    ///   - dataset: the inputs, and the targets that the objective names.
    ///   - options: the options of the training.
    ///   - work: the name of the training, under which the keeper finds an earlier checkpoint and is offered one after
    ///     every step.
    ///   - keeper: the store of checkpoints.
    ///   - isFinishing: true when the training is to end before its next step.
    ///   - halfway: receives the graph after half of the steps; false ends the training there.
    ///   - afterStep: called after each step with the trainer and the loss before that step.
    /// - Returns: the same graph with trained parameters.
    /// - Throws: ``ModelError``, as ``Trainer`` does.
    package func trained(
        _ objective: Objective, trainable: Set<Int>, on dataset: Dataset, options: TrainingOptions,
        as work: String = "", keeper: CheckpointKeeper = .none, isFinishing: () -> Bool = { false },
        halfway: (Graph) throws(ModelError) -> Bool = { _ in true },
        afterStep: (Trainer, Float) -> Void
    ) throws(ModelError) -> Graph {
        var (network, objective, samples) = (self, objective, dataset)
        if let (prefix, rest) = cut(objective, trainable: trainable, sampleCount: dataset.count) {
            let targets = Set(objective.terms.map(\.target) + objective.terms.compactMap(\.mask))
            let inference = try Inference(self, fetching: prefix.frontier.map(\.value))
            let frozen = try inference.outputs(for: dataset)
            samples.inputs = dataset.inputs.filter { targets.contains($0.key) }
            for (boundary, tensor) in zip(prefix.frontier, frozen) { samples.inputs[boundary.name] = tensor }
            (network, objective) = (prefix.rest, rest)
        }
        let trainer = try Trainer(
            network, objective: objective, trainable: trainable, dataset: samples, options: options)
        if let checkpoint = keeper.find(work) {
            do { try trainer.restore(checkpoint) } catch { keeper.reject(work, error) }
        }
        func trained() -> Graph {
            var result = self
            let trained = trainer.trainedGraph()
            for index in trainable { result.setParameter(index, trained.parameters[index].tensor) }
            return result
        }
        // Asked again by a training that goes on from there: it may have been ended.
        func goesOn() throws(ModelError) -> Bool {
            trainer.step == 0 || trainer.step != options.steps / 2 ? true : try halfway(trained())
        }
        var isEnded = try !goesOn()
        while trainer.step < options.steps, !isEnded, !isFinishing() {
            let loss = try trainer.takeStep()
            afterStep(trainer, loss)
            isEnded = try !goesOn()
            keeper.offer(work, trainer.step == options.steps) { trainer.checkpoint }
        }
        return trained()
    }
}
