/// What a user may choose of a job. The words are the API's; nil is `auto` or none.
package struct CompressionOptions: Sendable, Codable, Equatable {
    package enum Method: String, Sendable, Codable, CaseIterable { case ridge, layercollapse, gate, merge, datafree }
    package enum Finetune: String, Sendable, Codable, CaseIterable {
        case none, labels, mix
        case selfDistill = "self_distill"
    }
    package enum Train: String, Sendable, Codable, CaseIterable { case collapsed, after, all }
    package enum Order: String, Sendable, Codable, CaseIterable {
        case measured
        case fromEnd = "from_end"
    }
    package enum OptimizerName: String, Sendable, Codable, CaseIterable { case adamw, sgd }
    package enum LossName: String, Sendable, Codable, CaseIterable {
        case auto, mse
        case crossEntropy = "cross_entropy"
        case binaryCrossEntropy = "bce_with_logits"
        case causalLanguageModel = "causal_lm"
    }

    /// Nil: `ridge` with data, `merge` without.
    package var method: Method?
    package var finetune = Finetune.selfDistill
    package var train = Train.collapsed
    /// Fraction of the metric that may be lost; needs labels.
    package var maxMetricDrop: Double?
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
    /// How near to one a slope must be for its block to merge.
    package var threshold = 0.05
    package var epochs: Double?
    package var steps: Int?
    package var batchSize: Int?
    package var learningRate: Double?
    package var optimizer: OptimizerName?
    package var momentum: Double?
    package var weightDecay: Double?
    package var shuffle = true
    package var loss = LossName.auto
    package var calibrationSamples = 1000
    /// Names of the outputs that are kept as they are; the first of them is what losses and measures are about.
    package var outputs: [String] = []
    package var seed: UInt64 = 0
    package var threads: Int?

    package init() {}

    enum CodingKeys: String, CodingKey {
        case method, finetune, train, include, exclude, order, penalty, threshold, epochs, steps, optimizer, momentum
        case shuffle, loss, outputs, seed, threads
        case maxMetricDrop = "max_metric_drop"
        case maxDisagreement = "max_disagreement"
        case compressionRatio = "compression_ratio"
        case maxLayers = "max_layers"
        case batchSize = "batch_size"
        case learningRate = "learning_rate"
        case weightDecay = "weight_decay"
        case calibrationSamples = "calibration_samples"
    }

    /// Held-out disagreement at which to stop when the user sets no budget.
    package static let defaultDisagreement = 0.02

    /// Whether the user says anything about how far to go.
    package var hasBudget: Bool {
        maxMetricDrop != nil || maxDisagreement != nil || compressionRatio != nil || maxLayers != nil
    }

    /// Whether the user says how much worse the network may become.
    package var limitsQuality: Bool { maxMetricDrop != nil || maxDisagreement != nil }

    package func admits(_ name: String) -> Bool {
        (include.isEmpty || include.contains { Glob($0).matches(name) })
            && !exclude.contains { Glob($0).matches(name) }
    }
}
