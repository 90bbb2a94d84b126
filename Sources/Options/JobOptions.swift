/// The options of a job, typed and complete: the form in which they go from the edge to the search. nil is automatic or none.
///
/// One row of `JobOption.all` reads, checks and echoes each of them.
package struct JobOptions: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable, CaseIterable {
        case ridge, layercollapse, merge

        /// The method of a job that names none.
        package static func following(hasData: Bool) -> Method { hasData ? .ridge : .merge }
    }
    package enum Finetune: String, Hashable, Sendable, CaseIterable {
        case none
        case selfDistill = "self_distill"
        case labels, mix

        /// True if the labels of the training samples are targets.
        package var usesLabels: Bool { self == .labels || self == .mix }
    }
    package enum Train: String, Hashable, Sendable, CaseIterable { case collapsed, after, all }
    package enum Order: String, Hashable, Sendable, CaseIterable {
        case measured
        case fromEnd = "from_end"
    }
    package enum Quantize: String, Hashable, Sendable, CaseIterable {
        case none, auto
        case dynamicInt8 = "dynamic_int8"
    }
    package enum OptimizerName: String, Hashable, Sendable, CaseIterable { case adamw, sgd }
    package enum LossName: String, Hashable, Sendable, CaseIterable {
        case auto
        case crossEntropy = "cross_entropy"
        case mse
        case binaryCrossEntropy = "bce_with_logits"
        case causalLanguageModel = "causal_lm"
    }
    package enum TaskName: String, Hashable, Sendable, CaseIterable {
        case auto, classification, multilabel, regression, embedding, segmentation
        case causalLanguageModel = "causal_lm"
    }

    /// nil: `ridge` with data, `merge` without.
    package var method: Method?
    package var finetune = Finetune.selfDistill
    /// nil: `collapsed`, or with `layercollapse` `all` where a gradient reaches the layers.
    package var train: Train?
    /// Fraction of the metric that may be lost; needs labels.
    package var maxMetricDrop: Double?
    /// Fraction of the recall of any class that may be lost; needs labels.
    package var maxClassDrop: Double?
    /// Fraction of answers in which the two networks may disagree.
    package var maxDisagreement: Double?
    /// Mean KL from the original's answers, in nats.
    package var maxDivergence: Double?
    /// Fraction of an output's variance that may be lost.
    package var maxVarianceLost: Double?
    /// Latency of the new network of a check, as a multiple of the old one's.
    package var maxSlowdown: Double?
    /// Parameters before over parameters after at which to stop.
    package var compressionRatio: Double?
    /// The largest number of parameters, of multiply-adds of one sample, and of bytes of the file.
    package var maxParameters: Int?
    package var maxMacs: Int?
    package var maxBytes: Int?
    /// The longest time of a run at the batch size of the job, in milliseconds.
    package var maxLatencyMs: Double?
    package var maxLayers: Int?
    /// The kinds of replacement that may be used; empty for all.
    package var replacements: [String] = []
    /// Whether the written file has integer weights.
    package var quantize = Quantize.none
    /// Globs on the names of candidates.
    package var include: [String] = []
    package var exclude: [String] = []
    package var order = Order.measured
    /// The strength of the pull of slopes to one (lambda in the paper).
    package var penalty: Double?
    /// The largest distance from one at which a slope lets its block merge.
    package var threshold = 0.05
    package var epochs: Int?
    package var steps: Int?
    package var batchSize: Int?
    package var learningRate: Double?
    package var optimizer: OptimizerName?
    package var momentum: Double?
    package var weightDecay: Double?
    package var shuffle = true
    package var loss = LossName.auto
    /// The task of the output that labels and losses are about.
    package var task = TaskName.auto
    /// The axis of that output along which its classes lie, the samples being axis 0.
    package var classAxis: Int?
    /// Key of the labels in the data.
    package var labels: String?
    /// Names of the outputs that are kept as they are; losses and measures are about the first.
    package var outputs: [String] = []
    /// The key of the data for each input of the model.
    package var inputs: NamedTexts?
    package var calibrationSamples = 1000
    package var seed: UInt64 = 0
    package var threads: Int?
    package var deadlineSeconds: Int?
    /// Labels of the client's own.
    package var metadata = NamedTexts()
    package var webhook: String?

    package init() {}

    /// The names of the options that change what is done with the points of a search, and not the points: budgets, the
    /// training of what was chosen, and what is beside the work.
    package static let namesBehindSearch = [
        "max_metric_drop", "max_class_drop", "max_disagreement", "max_divergence", "max_variance_lost", "max_slowdown",
        "compression_ratio", "max_parameters", "max_macs", "max_bytes", "max_latency_ms", "quantize", "finetune",
        "train",
        "epochs", "steps", "learning_rate", "optimizer", "momentum", "weight_decay", "shuffle", "deadline_seconds",
        "metadata", "webhook",
    ]

    /// True when the user says how far to go.
    package var hasBudget: Bool { limitsQuality || limitsSize || maxLayers != nil }

    /// True when the user says how small the network must become.
    package var limitsSize: Bool {
        compressionRatio != nil || maxParameters != nil || maxMacs != nil || maxBytes != nil || maxLatencyMs != nil
    }

    /// The kinds of replacement of the method `ridge`.
    package static let replacementKinds = ["affine", "width", "path", "low_rank", "embedding"]

    /// True when the method chooses a replacement for each site, and not only which blocks to collapse.
    package var choosesReplacements: Bool {
        (method ?? .ridge) == .ridge && maxLayers == nil && order == .measured && replacements != ["affine"]
    }

    /// True when the user says how much worse the network may become.
    package var limitsQuality: Bool { limitsMetric || limitsChange }

    /// True when the user says how much worse the network may become by the labels.
    package var limitsMetric: Bool { maxMetricDrop != nil || maxClassDrop != nil }

    /// True when the user says how far the outputs may move.
    package var limitsChange: Bool { maxDisagreement != nil || maxDivergence != nil || maxVarianceLost != nil }

    /// True for a network that predicts the next token, which labels itself.
    package var isCausal: Bool { loss == .causalLanguageModel || loss == .auto && task == .causalLanguageModel }

    /// The output that labels and measures are about; nil for the model's first.
    package var output: String? { outputs.first }

    /// The data's keys by input of the model, for a look-up.
    package var inputKeys: [String: String] {
        var keys: [String: String] = [:]
        // Names of other bytes may be the same characters, which are one key of a dictionary.
        for (name, value) in inputs?.members ?? [] { keys[name] = value }
        return keys
    }

    /// The options with the method that follows from the data where it is left open.
    package func resolved(hasData: Bool) -> JobOptions {
        var options = self
        options.method = method ?? .following(hasData: hasData)
        return options
    }
}

/// Texts by name, in the order in which they were given.
package struct NamedTexts: Hashable, Sendable {
    package var members: [(name: String, value: String)]

    package init(_ members: [(name: String, value: String)] = []) { self.members = members }

    package static func == (left: Self, right: Self) -> Bool {
        left.members.elementsEqual(right.members) { $0.name == $1.name && $0.value == $1.value }
    }

    package func hash(into hasher: inout Hasher) {
        for (name, value) in members {
            hasher.combine(name)
            hasher.combine(value)
        }
    }
}
