import Glibc
package import Model

/// The numbers of a training, with everything that was left to the program filled in.
package struct TrainingPlan: Sendable, Equatable {
    package let steps: Int
    package let learningRate: Double
    package let optimizer: Optimizer
    package let schedule: Schedule
    /// Lambda of the pull on slopes; of no meaning without slopes.
    package let penalty: Double

    /// Steps of a fine-tuning when the user names neither steps nor epochs.
    static let defaultSteps = 300
    /// Passes over the data that slopes are given.
    static let slopeEpochs = 3.0
    /// Of SGD, when the user names none.
    package static let defaultMomentum = 0.9

    /// The training that the method comes with.
    ///
    /// - Parameters:
    ///   - options: with a method.
    ///   - stepsPerEpoch: whole batches in the training samples.
    package init(_ options: CompressionOptions, stepsPerEpoch: Int) {
        self =
            options.method == .layercollapse
            ? .slopes(options, stepsPerEpoch: stepsPerEpoch) : .fineTuning(options, stepsPerEpoch: stepsPerEpoch)
    }

    /// The fine-tuning that follows a collapse: AdamW along half a cosine.
    static func fineTuning(_ options: CompressionOptions, stepsPerEpoch: Int) -> TrainingPlan {
        TrainingPlan(
            options, stepsPerEpoch: stepsPerEpoch, defaultSteps: defaultSteps, optimizer: .adamw, schedule: .cosine)
    }

    /// The training that drives activations to the identity: SGD at a constant rate, as the paper has it.
    static func slopes(_ options: CompressionOptions, stepsPerEpoch: Int) -> TrainingPlan {
        TrainingPlan(
            options, stepsPerEpoch: stepsPerEpoch,
            defaultSteps: max(defaultSteps, Int(slopeEpochs * Double(stepsPerEpoch))), optimizer: .sgd,
            schedule: .constant)
    }

    private init(
        _ options: CompressionOptions, stepsPerEpoch: Int, defaultSteps: Int,
        optimizer standard: CompressionOptions.OptimizerName, schedule: Schedule
    ) {
        self.schedule = schedule
        // Clamped: an epoch count that a user gives may be any number.
        let epochSteps = options.epochs.map { Int(min($0 * Double(stepsPerEpoch), 1e12).rounded(.up)) }
        steps = options.steps ?? epochSteps ?? defaultSteps
        let weightDecay = Float(options.weightDecay ?? 0)
        switch options.optimizer ?? standard {
        case .sgd:
            optimizer = .sgd(momentum: Float(options.momentum ?? Self.defaultMomentum), weightDecay: weightDecay)
            learningRate = options.learningRate ?? CompressionOptions.OptimizerName.sgd.defaultRate
            penalty = options.penalty ?? 5
        case .adamw:
            optimizer = .adamW(weightDecay: weightDecay)
            let rate = options.learningRate ?? CompressionOptions.OptimizerName.adamw.defaultRate
            learningRate = rate
            // Decoupled, the gap 1 - a shrinks by 2 rate lambda in each step: within the threshold after half of them.
            let needed = log(1 / max(options.threshold, 1e-3)) / max(rate * Double(max(steps, 1)), 1e-12)
            // More than 1 / (2 rate) would throw a slope beyond 1.
            penalty = options.penalty ?? min(max(1, needed), 0.5 / max(rate, 1e-12))
        }
    }

    func options(seed: UInt64, isShuffled: Bool, runsPerStep: Int) -> TrainingOptions {
        TrainingOptions(
            steps: steps, learningRate: Float(learningRate), optimizer: optimizer, schedule: schedule,
            isShuffled: isShuffled, seed: seed, runsPerStep: runsPerStep)
    }

    func rate(at step: Int) -> Float { Float(learningRate) * schedule.factor(step: step, of: steps) }
}

extension CompressionOptions.OptimizerName {
    /// The learning rate when the user names none.
    package var defaultRate: Double {
        switch self {
        case .sgd: 1e-3
        case .adamw: 5e-4
        }
    }
}
