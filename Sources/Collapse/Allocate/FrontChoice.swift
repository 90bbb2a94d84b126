import Model
import Options

/// Chooses a point of a front: the smallest within the user's limits on what may be lost, or with limits on the size the
/// least damage among those that keep them; fine-tuned where that may help.
struct FrontChoice {
    let budget: Budget
    let limit: SizeLimit
    /// Fine-tunes a point; returns it as it was where training does not help.
    let tune: (ParetoPoint) throws(ModelError) -> ParetoPoint

    struct Result {
        var point: ParetoPoint?
        /// The original with the measures of its integer form, when nothing else is changed.
        var whole: ParetoPoint?
        var metBudget: Bool
        /// The limits that would have admitted the point, when it is not within them.
        var admission: [(option: String, value: Double)] = []
    }

    /// The used share of a budget below which a point is left as it was fitted.
    private static let wellWithin = 0.5
    /// The number of points beyond the budget that fine-tuning is tried on.
    private static let hopefulTries = 2
    /// True where one training is all that there is time for.
    var trainsOnce = false

    /// Chooses a point.
    ///
    /// - Parameter points: the points, the largest network first.
    /// - Returns: the point; none without points.
    /// - Throws: ``ModelError``.
    func run(_ points: [ParetoPoint]) throws(ModelError) -> Result {
        guard !points.isEmpty else { return Result(point: nil, metBudget: true) }
        guard limit.isSet else { return try smallest(of: points) }
        var (sized, nearest): ([ParetoPoint], (point: ParetoPoint, excess: Double)?) = ([], nil)
        for point in points {
            guard let excess = try limit.excess(of: point.graph) else {
                sized.append(point)
                continue
            }
            if nearest.map({ excess < $0.excess }) ?? true { nearest = (point, excess) }
        }
        guard !sized.isEmpty else {
            guard let nearest else { return Result(point: nil, metBudget: true) }
            return Result(
                point: nearest.point, metBudget: false,
                admission: try limit.admission(of: nearest.point.graph) + budget.admission(of: nearest.point))
        }
        // Within the size, the least damage; what may be lost as well is then checked.
        let least = sized.enumerated().min {
            (budget.excess(of: $0.element), $0.element.damage ?? 0, $0.offset)
                < (budget.excess(of: $1.element), $1.element.damage ?? 0, $1.offset)
        }
        guard let least else { return Result(point: nil, metBudget: true) }
        let point = try tuned(least.element)
        guard budget.reasonAgainst(point) == nil else {
            return Result(point: point, metBudget: false, admission: budget.admission(of: point))
        }
        return Result(point: point, metBudget: true)
    }

    /// The smallest point within the budget.
    private func smallest(of points: [ParetoPoint]) throws(ModelError) -> Result {
        guard budget.isSet else { return Result(point: try tuned(points[points.count - 1]), metBudget: true) }
        let within = points.lastIndex { budget.reasonAgainst($0) == nil }
        let hopeful = points.indices.filter { $0 > within ?? -1 && !budget.isHopeless(points[$0]) }
        var least: ParetoPoint?
        for index in hopeful.prefix(trainsOnce ? 1 : Self.hopefulTries).reversed() {
            let point = try tuned(points[index])
            if budget.reasonAgainst(point) == nil { return Result(point: point, metBudget: true) }
            if least.map({ budget.excess(of: point) <= budget.excess(of: $0) }) ?? true { least = point }
        }
        if let within {
            guard !trainsOnce || hopeful.isEmpty else { return Result(point: points[within], metBudget: true) }
            let point = try tuned(points[within])
            return Result(point: budget.reasonAgainst(point) == nil ? point : points[within], metBudget: true)
        }
        let point = least ?? points[0]
        return Result(point: point, metBudget: false, admission: budget.admission(of: point))
    }

    private func tuned(_ point: ParetoPoint) throws(ModelError) -> ParetoPoint {
        if budget.isSet, budget.excess(of: point) < Self.wellWithin { return point }
        return try tune(point)
    }
}
