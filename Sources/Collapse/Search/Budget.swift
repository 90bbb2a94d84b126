package import Options

/// The limits on what a network may lose, decided by their upper bounds on samples that served no fit.
package struct Budget {
    private let options: JobOptions
    /// True when outputs that the user sets no limit for have that of their kind.
    private let limitsAll: Bool
    private let original: Metrics?
    /// The factor over the budget up to which fine-tuning is tried; 1 without fine-tuning.
    private let hope: Double

    package init(_ options: JobOptions, original: Metrics?) {
        self.options = options
        let decidesByItself = !options.hasBudget && (options.method == .ridge || options.method == nil)
        limitsAll = decidesByItself || options.limitsQuality
        hope = options.finetune == .none || options.method == .layercollapse ? 1 : 3
        self.original = original
    }

    var isSet: Bool { limitsAll }

    /// The share of a column's variance that an output may lose whose kind is a guess.
    private static let doubt = 0.1

    /// The option that ends that doubt.
    private static let guess = "task"

    /// One limit, and what a network has of it.
    package struct Use {
        package let limit: Double
        package let found: Estimate
        /// The option that limits it.
        package let option: String
        /// The name of what is limited.
        package let words: String
        package fileprivate(set) var advice = ""
        /// The output that it is about; nil for a limit on the metric.
        package fileprivate(set) var output: String?

        fileprivate init(_ limit: Double, _ found: Estimate, _ option: String, _ words: String) {
            (self.limit, self.found, self.option, self.words) = (limit, found, option, words)
        }

        fileprivate func excess(byBound: Bool) -> Double { (byBound ? found.upper95 : found.value) / max(limit, 1e-9) }
    }

    private func uses(of point: ParetoPoint) -> [Use] { uses(of: point.comparisons, point.metrics) }

    /// The limits that a network has to keep, those of the outputs first.
    ///
    /// - Parameters:
    ///   - comparisons: the comparisons of all outputs with the original's, that of the labels first.
    ///   - metrics: the metrics by the labels; nil without any.
    /// - Returns: one use for each limit.
    package func uses(of comparisons: [Comparison], _ metrics: Metrics?) -> [Use] {
        var uses: [Use] = []
        for (place, found) in comparisons.enumerated() {
            let of = comparisons.count > 1 ? " of '\(found.task.output)'" : ""
            let first = uses.count
            defer { for index in first..<uses.count { uses[index].output = found.task.output } }
            let given = found.task.kind.limits(options)
            for (measure, limit) in given {
                guard let estimate = found[measure] else { continue }
                uses.append(Use(limit, estimate, measure.option, measure.words + of))
            }
            // Labels speak for the first output alone.
            guard given.isEmpty, limitsAll, place > 0 || !options.limitsMetric else { continue }
            let measure = found.task.kind.measures[0]
            if let estimate = found[measure] {
                uses.append(Use(found.task.kind.defaultLimit, estimate, measure.option, measure.words + of))
            }
            if found.task.isGuess, measure != .varianceLost, let lost = found.varianceLost {
                var use = Use(Self.doubt, lost, Self.guess, "the lost share of a column's variance" + of)
                use.advice =
                    ": the kind of '\(found.task.output)' is a guess; give labels, or task=classification, if it holds classes"
                uses.append(use)
            }
        }
        guard let before = original, let after = metrics else { return uses }
        if let limit = options.maxMetricDrop {
            let drop = Estimate(after.drop(from: before), upper95: after.dropUpperBound(from: before))
            uses.append(Use(limit, drop, "max_metric_drop", "the drop of the metric"))
        }
        if let limit = options.maxClassDrop, !after.classes.isEmpty {
            let worst = after.worstClass(from: before)
            let drop = Estimate(worst?.drop ?? 0, upper95: worst?.drop ?? 0)
            let of = worst.map { "class \($0.index)" } ?? "any class"
            uses.append(Use(limit, drop, "max_class_drop", "the drop of the recall of \(of)"))
        }
        return uses
    }

    /// True for a point that fine-tuning is not expected to bring within the budget.
    func isHopeless(_ point: ParetoPoint) -> Bool {
        guard hope > 1 else { return reasonAgainst(point) != nil }
        return uses(of: point).contains { $0.excess(byBound: false) > hope }
    }

    /// The used share of the budget, by the upper bounds; above 1 it is exceeded.
    func excess(of point: ParetoPoint) -> Double {
        uses(of: point).map { $0.excess(byBound: true) }.reduce(0, max)
    }

    /// The limits that would admit a point, for those that it exceeds.
    func admission(of point: ParetoPoint) -> [(option: String, value: Double)] {
        let exceeded = uses(of: point).filter { $0.found.upper95 > $0.limit && $0.option != Self.guess }
        return Dictionary(grouping: exceeded, by: \.option).sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.map(\.found.upper95).reduce(0, max)) }
    }

    /// The reason to reject a point: a budget holds when its upper bound with 95 % confidence does.
    ///
    /// - Returns: nil for a point within the budget.
    func reasonAgainst(_ point: ParetoPoint) -> String? {
        uses(of: point).first { $0.found.upper95 > $0.limit }.map { use in
            let bound = use.found.upper95 == use.found.value ? "" : " and may be \(rounded(use.found.upper95))"
            return
                "with it, held-out \(use.words) is \(rounded(use.found.value))\(bound), over \(rounded(use.limit))\(use.advice)"
        }
    }
}
