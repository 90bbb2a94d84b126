import Collapse
import Compute
import JobContract
import Model

/// How plain training goes, with everything that was left to it decided.
struct TrainingSettings {
    let optimizer: Optimizer
    let learningRate: Float
    let schedule: Schedule
    /// Nil: not asked for.
    let batchSize: Int?
    private let steps: Int?
    private let epochs: Int
    private let isShuffled: Bool
    private let seed: UInt64
    private let loss: String
    /// The output that labels are of; the first without.
    private let output: String?

    static let defaultBatchSize = CompressionData.defaultBatchSize
    /// PyTorch's default.
    private static let usualWeightDecay: Float = 0.01

    init(_ options: JobOptions) {
        func float(_ name: String) -> Float? { options[name].double.map { Float($0) } }
        let name = options["optimizer"].string.flatMap(CompressionOptions.OptimizerName.init) ?? .adamw
        optimizer =
            switch name {
            case .sgd:
                .sgd(
                    momentum: float("momentum") ?? Float(TrainingPlan.defaultMomentum),
                    weightDecay: float("weight_decay") ?? 0)
            case .adamw: .adamW(weightDecay: float("weight_decay") ?? Self.usualWeightDecay)
            }
        learningRate = float("learning_rate") ?? Float(name.defaultRate)
        // Who names a rate means that rate, in every step.
        schedule = float("learning_rate") == nil ? .cosine : .constant
        batchSize = options["batch_size"].int
        steps = options["steps"].int
        epochs = options["epochs"].int ?? 1
        isShuffled = options["shuffle"].bool ?? true
        seed = options.seed
        loss = options["loss"].string ?? "auto"
        output = options.output
    }

    /// - Parameters:
    ///   - stepsPerEpoch: whole batches in the data.
    ///   - runsPerStep: how many batches of the network make one of the training.
    /// - Returns: at most as many steps as can be counted.
    func trainingOptions(stepsPerEpoch: Int, runsPerStep: Int = 1) -> TrainingOptions {
        let (product, overflow) = epochs.multipliedReportingOverflow(by: stepsPerEpoch)
        return TrainingOptions(
            steps: steps ?? (overflow ? .max : product), learningRate: learningRate, optimizer: optimizer,
            schedule: schedule, isShuffled: isShuffled, seed: seed, runsPerStep: runsPerStep)
    }

    /// What is to become small, by the labels of an output.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - dataset: its inputs and labels.
    ///   - file: whose labels they are, for messages.
    /// - Returns: the loss, and the samples with the labels where the loss looks for them.
    /// - Throws: ``Problem`` when there are no labels or the loss takes others.
    func objective(
        for graph: Graph, on dataset: Dataset, file: String
    ) throws(Problem) -> (objective: Objective, dataset: Dataset) {
        guard let output = graph.outputs.first(where: { output == nil || $0.name == output }) else {
            let names = graph.outputs.map(\.name).joined(separator: ", ")
            throw Problem(
                .invalidOption, "the model has no output '\(output ?? "")': it has \(names)", pointer: "/outputs")
        }
        let dataset = loss == "causal_lm" ? try dataset.causal(for: graph, output: output.value).samples : dataset
        guard let labels = dataset.labels else {
            throw Problem(
                .datasetKeyMismatch, "\(file) has no labels to train by",
                hint: "name a key y, or say which one is meant",
                pointer: "/labels")
        }
        let isClasses = labels.type == .int64
        let loss: Loss
        switch self.loss {
        case "cross_entropy", "causal_lm": loss = .crossEntropy
        case "mse": loss = .meanSquare
        case "bce_with_logits": loss = .binaryCrossEntropy
        default: loss = isClasses ? .crossEntropy : .meanSquare
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
