import Glibc
package import Model
package import Options

/// Resolved hyperparameters of a training: the user's options with defaults filled in.
package struct TrainingPlan: Sendable, Equatable {
    package let steps: Int
    package let learningRate: Double
    package let optimizer: Optimizer
    package let schedule: Schedule
    /// The strength (lambda) of the slope penalty; unused without slopes.
    package let penalty: Double

    /// The default steps of a fine-tuning, if the user sets neither steps nor epochs.
    static let defaultSteps = 300
    /// The default steps of a fine-tuning of a network whose steps take long: at least so many, and no more than their
    /// forward passes have this number of multiply-adds.
    private static let fewSteps = 100
    private static let macsOfSteps = 6e12
    /// The default epochs of a slope training.
    static let slopeEpochs = 3.0
    /// The default momentum of SGD.
    static let defaultMomentum = 0.9

    /// Resolves the training of the method.
    ///
    /// - Parameters:
    ///   - options: the user's options, with a method.
    ///   - stepsPerEpoch: the number of whole batches in the training samples.
    ///   - network: the network before the compression.
    package init(_ options: JobOptions, stepsPerEpoch: Int, of network: Graph) {
        self =
            options.method == .layercollapse
            ? .slopes(options, stepsPerEpoch: stepsPerEpoch)
            : .fineTuning(options, stepsPerEpoch: stepsPerEpoch, of: network)
    }

    /// The plan of a fine-tuning: AdamW along half a cosine.
    static func fineTuning(_ options: JobOptions, stepsPerEpoch: Int, of network: Graph) -> TrainingPlan {
        let macs = Double(network.macs) * Double(options.batchSize ?? network.batchSize)
        let affordable = Int(min(macsOfSteps / max(macs, 1), Double(defaultSteps)))
        return TrainingPlan(
            options, stepsPerEpoch: stepsPerEpoch, defaultSteps: max(fewSteps, affordable), optimizer: .adamw,
            schedule: .cosine)
    }

    /// The plan of a slope training: SGD at a constant rate, as in the paper, or AdamW along half a cosine.
    static func slopes(_ options: JobOptions, stepsPerEpoch: Int) -> TrainingPlan {
        TrainingPlan(
            options, stepsPerEpoch: stepsPerEpoch,
            defaultSteps: max(defaultSteps, Int(slopeEpochs * Double(stepsPerEpoch))), optimizer: .sgd,
            schedule: options.optimizer == .adamw ? .cosine : .constant)
    }

    /// The plan of a plain training by labels: one epoch of AdamW with PyTorch's weight decay. A learning rate that the
    /// user names holds for every step. Slopes, if it has some, are pulled by SGD as in the paper's trainings from scratch.
    package static func supervised(_ options: JobOptions, stepsPerEpoch: Int) -> TrainingPlan {
        TrainingPlan(
            options, stepsPerEpoch: stepsPerEpoch, defaultSteps: stepsPerEpoch, optimizer: .adamw,
            schedule: options.learningRate == nil ? .cosine : .constant, defaultDecay: 0.01, defaultPenalty: 0.5)
    }

    private init(
        _ options: JobOptions, stepsPerEpoch: Int, defaultSteps: Int,
        optimizer standard: JobOptions.OptimizerName, schedule: Schedule, defaultDecay: Double = 0,
        defaultPenalty: Double = 5
    ) {
        self.schedule = schedule
        // Clamped, because a user's epoch count may be any number.
        let epochSteps = options.epochs.map { Int(min(Double($0) * Double(stepsPerEpoch), 1e12)) }
        steps = options.steps ?? epochSteps ?? defaultSteps
        switch options.optimizer ?? standard {
        case .sgd:
            optimizer = .sgd(
                momentum: Float(options.momentum ?? Self.defaultMomentum),
                weightDecay: Float(options.weightDecay ?? 0))
            learningRate = options.learningRate ?? JobOptions.OptimizerName.sgd.defaultRate
            penalty = options.penalty ?? defaultPenalty
        case .adamw:
            optimizer = .adamW(weightDecay: Float(options.weightDecay ?? defaultDecay))
            let rate = options.learningRate ?? JobOptions.OptimizerName.adamw.defaultRate
            learningRate = rate
            // Decoupled, the gap 1 - a shrinks by 2 rate lambda in each step: to half the threshold after half of them.
            let threshold = max(options.threshold, 1e-3)
            let early = 2 * rate * Double(max(steps, 1)) * schedule.firstHalf
            let needed = log(2 / threshold) / max(early, 1e-12)
            // An adaptive step is about the rate, so that a loss against the pull keeps a gap of 1 / (2 lambda): the other half.
            let holding = 1 / threshold
            // More than 1 / (2 rate) would move a slope beyond 1.
            penalty = options.penalty ?? min(max(needed, holding), 0.5 / max(rate, 1e-12))
        }
    }

    package func options(seed: UInt64, isShuffled: Bool, runsPerStep: Int) -> TrainingOptions {
        TrainingOptions(
            steps: steps, learningRate: Float(learningRate), optimizer: optimizer, schedule: schedule,
            isShuffled: isShuffled, seed: seed, runsPerStep: runsPerStep)
    }

    func rate(at step: Int) -> Float { Float(learningRate) * schedule.factor(step: step, of: steps) }
}

extension Schedule {
    /// The sum of the factors over the first half of the steps, as a share of the number of all steps.
    fileprivate var firstHalf: Double {
        switch self {
        case .constant: 0.5
        case .cosine: 0.25 + 0.5 / .pi
        }
    }
}

extension JobOptions.OptimizerName {
    /// The default learning rate.
    var defaultRate: Double {
        switch self {
        case .sgd: 1e-3
        case .adamw: 5e-4
        }
    }
}
