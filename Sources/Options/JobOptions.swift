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
    }
    package enum Train: String, Hashable, Sendable, CaseIterable { case collapsed, after, all }
    package enum Order: String, Hashable, Sendable, CaseIterable {
        case measured
        case fromEnd = "from_end"
    }
    package enum OptimizerName: String, Hashable, Sendable, CaseIterable { case adamw, sgd }
    package enum LossName: String, Hashable, Sendable, CaseIterable {
        case auto
        case crossEntropy = "cross_entropy"
        case mse
        case binaryCrossEntropy = "bce_with_logits"
        case causalLanguageModel = "causal_lm"
    }

    /// nil: `ridge` with data, `merge` without.
    package var method: Method?
    package var finetune = Finetune.selfDistill
    package var train = Train.collapsed
    /// Fraction of the metric that may be lost; needs labels.
    package var maxMetricDrop: Double?
    /// Fraction of the recall of any class that may be lost; needs labels.
    package var maxClassDrop: Double?
    /// Fraction of samples on which the two networks may disagree.
    package var maxDisagreement: Double?
    /// Parameters before over parameters after at which to stop.
    package var compressionRatio: Double?
    package var maxLayers: Int?
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

    /// Held-out disagreement at which to stop when the user sets no budget.
    package static let defaultDisagreement = 0.02

    /// Held-out share of an embedding's variance at which to stop: about half a point to a point of retrieval.
    package static let defaultEmbeddingLoss = 0.05

    /// True when the user says how far to go.
    package var hasBudget: Bool {
        limitsQuality || compressionRatio != nil || maxLayers != nil
    }

    /// True when the user says how much worse the network may become.
    package var limitsQuality: Bool { maxMetricDrop != nil || maxDisagreement != nil || maxClassDrop != nil }

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
