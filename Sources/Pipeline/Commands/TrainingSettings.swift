import Collapse
import Compute
import JobContract
import Model
import Options

/// Resolved hyperparameters of `train`: the user's options with defaults filled in.
struct TrainingSettings {
    let optimizer: Optimizer
    let learningRate: Float
    let schedule: Schedule
    /// The requested batch size; nil when not given.
    let batchSize: Int?
    private let steps: Int?
    private let epochs: Int
    private let isShuffled: Bool
    private let seed: UInt64
    private let loss: JobOptions.LossName
    /// The output that the labels belong to; nil means the first.
    private let output: String?

    static let defaultBatchSize = CompressionData.defaultBatchSize
    /// PyTorch's default for AdamW.
    private static let defaultWeightDecay: Float = 0.01

    init(_ options: JobOptions) {
        let name = options.optimizer ?? .adamw
        optimizer =
            switch name {
            case .sgd:
                .sgd(
                    momentum: Float(options.momentum ?? TrainingPlan.defaultMomentum),
                    weightDecay: Float(options.weightDecay ?? 0))
            case .adamw: .adamW(weightDecay: options.weightDecay.map { Float($0) } ?? Self.defaultWeightDecay)
            }
        learningRate = Float(options.learningRate ?? name.defaultRate)
        // A rate that the user names is meant for every step.
        schedule = options.learningRate == nil ? .cosine : .constant
        batchSize = options.batchSize
        steps = options.steps
        epochs = options.epochs ?? 1
        isShuffled = options.shuffle
        seed = options.seed
        loss = options.loss
        output = options.output
    }

    /// - Parameters:
    ///   - stepsPerEpoch: whole batches in the data.
    ///   - runsPerStep: runs of the network per training step.
    /// - Returns: options whose number of steps is clamped to `Int.max`.
    func trainingOptions(stepsPerEpoch: Int, runsPerStep: Int = 1) -> TrainingOptions {
        let (product, overflow) = epochs.multipliedReportingOverflow(by: stepsPerEpoch)
        return TrainingOptions(
            steps: steps ?? (overflow ? .max : product), learningRate: learningRate, optimizer: optimizer,
            schedule: schedule, isShuffled: isShuffled, seed: seed, runsPerStep: runsPerStep)
    }

    /// The training loss on the labels of an output.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - dataset: its inputs and labels.
    ///   - file: name of the data file, for messages.
    /// - Returns: the loss, and the samples with the labels as the input that the loss reads.
    /// - Throws: ``Problem`` when the labels are missing or do not fit the loss.
    func objective(
        for graph: Graph, on dataset: Dataset, file: String
    ) throws(Problem) -> (objective: Objective, dataset: Dataset) {
        guard let output = graph.outputs.first(where: { output == nil || $0.name == output }) else {
            let names = graph.outputs.map(\.name).joined(separator: ", ")
            throw Problem(
                .invalidOption, "the model has no output '\(output ?? "")': it has \(names)", pointer: "/outputs")
        }
        let dataset =
            loss == .causalLanguageModel ? try dataset.causal(for: graph, output: output.value).samples : dataset
        guard let labels = dataset.labels else {
            throw Problem(
                .datasetKeyMismatch, "\(file) has no labels to train by",
                hint: "name a key y, or say which one is meant",
                pointer: "/labels")
        }
        let isClasses = labels.type == .int64
        let loss: Loss
        switch self.loss {
        case .crossEntropy, .causalLanguageModel: loss = .crossEntropy
        case .mse: loss = .meanSquare
        case .binaryCrossEntropy: loss = .binaryCrossEntropy
        case .auto: loss = isClasses ? .crossEntropy : .meanSquare
        }
        guard isClasses == (loss == .crossEntropy) else {
            throw Problem(
                .shapeMismatch,
                "the labels of \(file) are \(isClasses ? "classes" : "numbers"), and \(loss.rawValue) compares with "
                    + (isClasses ? "numbers" : "classes"), pointer: "/loss")
        }
        // An input of the model may be called anything.
        var target = "labels"
        while dataset.inputs[target] != nil { target += "'" }
        var samples = dataset
        samples.inputs[target] = labels
        return (Objective(terms: [Objective.Term(loss, of: output.value, target: target)]), samples)
    }
}
