import Model

/// An event of a compression, for progress reports.
package enum CollapseEvent: Sendable {
    package enum Phase: String, Sendable {
        case calibrating, search, finetuning
    }

    case phase(Phase)
    /// The progress of work other than training.
    case progress(done: Int, of: Int)
    case step(TrainingStep)
    case layer(LayerOutcome)
    case point(ParetoPoint)
    case warning(code: String, message: String)
}

/// A completed step of a training.
package struct TrainingStep: Sendable {
    /// The number of the step, from 1.
    package let step: Int
    package let steps: Int
    package let stepsPerEpoch: Int
    package let batchSize: Int
    /// The loss before the step, without the slope penalty.
    package let loss: Float
    package let learningRate: Float
    package let slopes: [(layer: String, slope: Float)]
}

extension TrainingStep {
    init(
        _ trainer: Trainer, loss: Float, _ session: TrainingSession, slopes: [(layer: String, slope: Float)] = []
    ) {
        (step, steps, stepsPerEpoch) = (trainer.step, session.plan.steps, session.stepsPerEpoch)
        (batchSize, self.loss, self.slopes) = (session.batch, loss, slopes)
        learningRate = session.plan.rate(at: trainer.step - 1)
    }
}
