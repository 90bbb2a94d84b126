import Model

/// What happens on the way, for whoever waits.
package enum CollapseEvent: Sendable {
    package enum Phase: String, Sendable {
        case calibrating, search, finetuning
    }

    case phase(Phase)
    /// Work that is not training: so much of so much.
    case progress(done: Int, of: Int)
    case step(TrainingStep)
    case layer(LayerOutcome)
    case point(ParetoPoint)
    case warning(code: String, message: String)
}

/// One step of a training, after it was taken.
package struct TrainingStep: Sendable {
    /// From 1.
    package let step: Int
    package let steps: Int
    package let stepsPerEpoch: Int
    package let batchSize: Int
    /// Before the step, without the pull on slopes.
    package let loss: Float
    package let learningRate: Float
    package let slopes: [(layer: String, slope: Float)]
}

extension TrainingStep {
    init(
        _ trainer: Trainer, loss: Float, _ plan: TrainingPlan, batchSize: Int,
        slopes: [(layer: String, slope: Float)] = []
    ) {
        (step, steps, stepsPerEpoch) = (trainer.step, plan.steps, trainer.stepsPerEpoch)
        (self.batchSize, self.loss, self.slopes) = (batchSize, loss, slopes)
        learningRate = plan.rate(at: trainer.step - 1)
    }
}
