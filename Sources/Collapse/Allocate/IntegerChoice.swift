import Model
import Options

/// Chooses a point of a front by the measures and the size of its integer form, the original among them; and between that
/// form and floats, where the user leaves it open.
struct IntegerChoice {
    let original: Graph
    let heldOut: HeldOut
    let budget: Budget
    /// The limits on the size of integer forms.
    let limit: SizeLimit
    let form: (Graph) throws(ModelError) -> IntegerForm?
    /// The size of the file of floats.
    let byteCount: (Graph) throws(ModelError) -> Int
    /// Fine-tunes a point of floats.
    let tune: (ParetoPoint) throws(ModelError) -> ParetoPoint

    /// Chooses a point.
    ///
    /// - Parameters:
    ///   - points: the points as floats, the largest network first.
    ///   - quantize: the user's choice of the form.
    ///   - asFloats: the choice among the same points as floats.
    /// - Returns: the chosen point, with the measures of its form, and the decision about integers; nil when they are not
    ///   asked for.
    /// - Throws: ``ModelError``.
    func run(
        _ points: [ParetoPoint], _ quantize: JobOptions.Quantize,
        asFloats: () throws(ModelError) -> FrontChoice.Result
    ) throws(ModelError) -> (FrontChoice.Result, IntegerDecision?) {
        guard quantize != .none else { return (try asFloats(), nil) }
        guard try form(original) != nil else {
            return (try asFloats(), .refused(reason: IntegerDecision.nothingToQuantize))
        }
        let integers = try asIntegers(points)
        if quantize == .dynamicInt8 { return (integers, .taken) }
        let least = integers.point ?? integers.whole
        guard integers.metBudget, let least, let chosen = try form(least.graph) else {
            let reason = least.flatMap { budget.reasonAgainst($0) } ?? "no point keeps the limits on the size"
            return (try asFloats(), .refused(reason: reason))
        }
        // Floats are chosen and trained only where a file of theirs may be smaller.
        var isSmallest = true
        for point in points where !budget.isHopeless(point) {
            if try byteCount(point.graph) <= chosen.byteCount { isSmallest = false }
        }
        if isSmallest { return (integers, .taken) }
        let floats = try asFloats()
        let reason = try chosen.reasonAgainst(floats: byteCount(floats.point?.graph ?? original))
        guard floats.metBudget, let reason else { return (integers, .taken) }
        return (floats, .refused(reason: reason))
    }

    /// The choice among the points as integers; the original, where it is within the budget and no point is.
    private func asIntegers(_ points: [ParetoPoint]) throws(ModelError) -> FrontChoice.Result {
        var written: [ParetoPoint] = []
        // Integers do not mend what floats have lost.
        for point in points { written.append(budget.isHopeless(point) ? point : try measured(point)) }
        let choice = FrontChoice(budget: budget, limit: limit) { point throws(ModelError) in
            try measured(try tune(points.first { $0.plan == point.plan } ?? point))
        }
        let found = try choice.run(written)
        if found.point != nil, found.metBudget { return found }
        let whole = try measured(ParetoPoint(original, plan: [:], nil))
        let isWithin = budget.reasonAgainst(whole) == nil
        guard try limit.excess(of: original) == nil, isWithin || isBetter(whole, found.point) else { return found }
        return FrontChoice.Result(
            point: nil, whole: whole, metBudget: isWithin, admission: isWithin ? [] : budget.admission(of: whole))
    }

    private func isBetter(_ whole: ParetoPoint, _ point: ParetoPoint?) -> Bool {
        point.map { budget.excess(of: whole) <= budget.excess(of: $0) } ?? true
    }

    private func measured(_ point: ParetoPoint) throws(ModelError) -> ParetoPoint {
        guard let form = try form(point.graph) else { return point }
        return point.measured(try heldOut.measured(form.graph))
    }
}
