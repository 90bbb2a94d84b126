package import Options

/// A measure of how far an output has moved from the original's, which one option limits.
package enum Measure: String, Sendable, CaseIterable {
    /// The share of answers that change: classes, tags, pixels or tokens.
    case disagreement
    /// The mean KL from the original's answers, in nats.
    case divergence
    /// The share of the variance that is lost, after the mean is removed.
    case varianceLost = "variance_lost"

    /// The option that limits it.
    package var option: String { "max_\(rawValue)" }

    /// Its name in a sentence.
    var words: String {
        switch self {
        case .disagreement: "disagreement"
        case .divergence: "divergence (KL in nats)"
        case .varianceLost: "the lost share of the variance"
        }
    }

    /// The limit that the user sets.
    package func limit(_ options: JobOptions) -> Double? {
        switch self {
        case .disagreement: options.maxDisagreement
        case .divergence: options.maxDivergence
        case .varianceLost: options.maxVarianceLost
        }
    }
}

extension PredictionTask.Kind {
    /// The measures that such an output has; the first decides where the user limits none of them.
    package var measures: [Measure] {
        switch self {
        case .classification, .multilabel, .segmentation: [.disagreement, .divergence]
        // The first guess of a token says little: several are as good.
        case .causalLanguageModel: [.divergence, .disagreement]
        case .regression, .embedding: [.varianceLost]
        }
    }

    /// The limit of its first measure where the user sets no budget.
    ///
    /// 0.02 nats a token are about 2 % of perplexity, 0.05 of an embedding's variance half a point to a point of
    /// retrieval.
    package var defaultLimit: Double { self == .embedding ? 0.05 : 0.02 }

    /// The limits of its measures that the user sets.
    func limits(_ options: JobOptions) -> [(measure: Measure, value: Double)] {
        measures.compactMap { measure in measure.limit(options).map { (measure, $0) } }
    }
}
