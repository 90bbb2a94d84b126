import Options

/// The limits on disagreement and metric drop, decided by their upper bounds on the deciding samples.
struct Budget {
    private let disagreement: Double?
    /// True when the user sets no limit on the disagreement.
    private let isDefault: Bool
    private let metricDrop: Double?
    private let classDrop: Double?
    private let original: Metrics?
    /// The factor over the budget up to which fine-tuning is tried; 1 without fine-tuning.
    private let hope: Double

    init(_ options: JobOptions, original: Metrics?) {
        let decidesByItself = options.method == .ridge || options.method == nil
        disagreement =
            options.maxDisagreement
            ?? (options.hasBudget || !decidesByItself ? nil : JobOptions.defaultDisagreement)
        classDrop = options.maxClassDrop
        (metricDrop, isDefault) = (options.maxMetricDrop, options.maxDisagreement == nil)
        hope = options.finetune == .none || options.method == .layercollapse ? 1 : 3
        self.original = original
    }

    var isSet: Bool { disagreement != nil || metricDrop != nil || classDrop != nil }

    /// The share of a column's variance that an output may lose whose kind is a guess.
    private static let doubt = 0.1

    /// The limit on the damage of an output; embeddings may lose more of their variance, of which retrieval notices little.
    private func limit(on found: Comparison) -> Double? {
        disagreement.map { isDefault && found.task.kind == .embedding ? max($0, JobOptions.defaultEmbeddingLoss) : $0 }
    }

    /// True for a point that fine-tuning is not expected to bring within the budget.
    func isHopeless(_ point: ParetoPoint) -> Bool {
        guard hope > 1 else { return reasonAgainst(point) != nil }
        return excess(of: point) {
            $0.disagreement
        } drop: {
            $0.drop(from: $1)
        } > hope
    }

    /// The used share of the budget, by the upper bounds; above 1 it is exceeded.
    func excess(of point: ParetoPoint) -> Double {
        excess(of: point) {
            $0.upper95
        } drop: {
            $0.dropUpper95(from: $1)
        }
    }

    /// The reason to reject a point: a budget holds when its upper bound with 95 % confidence does.
    ///
    /// - Returns: nil for a point within the budget.
    func reasonAgainst(_ point: ParetoPoint) -> String? {
        for found in point.comparisons {
            guard let limit = limit(on: found), found.upper95 > limit else { continue }
            let name = found.rows > 0 ? "disagreement" : "the lost share of the variance"
            return "with it, held-out \(name) is \(rounded(found.disagreement)) and may be "
                + "\(rounded(found.upper95)), over \(rounded(limit))"
        }
        for found in point.comparisons where isDefault && disagreement != nil {
            guard let lost = found.varianceUpper95, lost > Self.doubt else { continue }
            return
                "with it, the output '\(found.task.output)', whose kind is a guess, may lose \(rounded(lost)) of a column's "
                + "variance, over \(Self.doubt): give labels, or loss=cross_entropy, if it holds classes"
        }
        if let limit = metricDrop, let before = original, let after = point.metrics,
            after.dropUpper95(from: before) > limit
        {
            return "with it, the held-out metric drops by \(rounded(after.drop(from: before))) and may drop by "
                + "\(rounded(after.dropUpper95(from: before))), over \(rounded(limit))"
        }
        if let limit = classDrop, let before = original, let worst = point.metrics?.worstClass(from: before),
            worst.drop > limit
        {
            return "with it, the held-out recall of class \(worst.index) drops by \(rounded(worst.drop)), over "
                + "\(rounded(limit))"
        }
        return nil
    }

    private func excess(
        of point: ParetoPoint, _ damage: (Comparison) -> Double, drop: (Metrics, Metrics) -> Double
    ) -> Double {
        var excess = 0.0
        for found in point.comparisons {
            if let limit = limit(on: found) { excess = max(excess, damage(found) / max(limit, 1e-9)) }
            if isDefault, disagreement != nil, let lost = found.varianceUpper95 {
                excess = max(excess, lost / Self.doubt)
            }
        }
        if let limit = metricDrop, let before = original, let after = point.metrics {
            excess = max(excess, drop(after, before) / max(limit, 1e-9))
        }
        if let limit = classDrop, let before = original, let worst = point.metrics?.worstClass(from: before) {
            excess = max(excess, worst.drop / max(limit, 1e-9))
        }
        return excess
    }
}
