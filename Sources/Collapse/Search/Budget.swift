import Options

/// The limits on disagreement and metric drop on the deciding samples.
struct Budget {
    private let disagreement: Double?
    private let metricDrop: Double?
    private let original: Metrics?
    /// The factor over the budget up to which fine-tuning is tried; 1 without fine-tuning.
    private let hope: Double

    init(_ options: JobOptions, original: Metrics?) {
        let decidesByItself = options.method == .ridge || options.method == nil
        disagreement =
            options.maxDisagreement
            ?? (options.hasBudget || !decidesByItself ? nil : JobOptions.defaultDisagreement)
        metricDrop = options.maxMetricDrop
        hope = options.finetune == .none || options.method == .layercollapse ? 1 : 3
        self.original = original
    }

    var isSet: Bool { disagreement != nil || metricDrop != nil }

    func isHopeless(_ point: ParetoPoint) -> Bool { excess(of: point) > hope }

    /// The reason to reject a point.
    ///
    /// - Returns: nil for a point within the budget.
    func reasonAgainst(_ point: ParetoPoint) -> String? {
        if let limit = disagreement, let found = point.comparison?.disagreement, found > limit {
            return "with it, held-out disagreement is \(rounded(found)), over \(rounded(limit))"
        }
        if let limit = metricDrop, let found = drop(of: point), found > limit {
            return "with it, the held-out metric drops by \(rounded(found)), over \(rounded(limit))"
        }
        return nil
    }

    /// The used share of the budget; above 1 it is exceeded.
    private func excess(of point: ParetoPoint) -> Double {
        var excess = 0.0
        if let limit = disagreement, let found = point.comparison?.disagreement {
            excess = max(excess, found / max(limit, 1e-9))
        }
        if let limit = metricDrop, let found = drop(of: point) { excess = max(excess, found / max(limit, 1e-9)) }
        return excess
    }

    /// The drop of the metric: relative for a loss, absolute for a rate.
    private func drop(of point: ParetoPoint) -> Double? {
        guard let before = original, let after = point.metrics else { return nil }
        return before.isRate
            ? before.metric - after.metric : (after.metric - before.metric) / max(before.metric, .leastNormalMagnitude)
    }
}
