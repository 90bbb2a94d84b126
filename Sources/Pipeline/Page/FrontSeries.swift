import Collapse
import JobContract

/// The front of a report for a plot: the size of each point against the measure that decides.
struct FrontSeries {
    struct Point: Equatable {
        let parameters: Double
        let value: Double
        /// The bound that holds with 95 % confidence; nil where there is none.
        var upper: Double?
        var isChosen = false
    }

    let measure: Measure
    /// The points, the largest network first.
    let points: [Point]
    /// The chosen point as it is after fine-tuning; nil without any.
    var tuned: Point?
    var limit: Double?
    /// The parameters of the original.
    var original: Double?

    var unit: PlotUnit { measure == .divergence ? .number : .share }

    var title: String {
        switch measure {
        case .disagreement: "answers that change"
        case .divergence: "divergence (KL, nats)"
        case .varianceLost: "variance lost"
        }
    }
}

extension FrontSeries {
    /// Reads the front from the `result` of a report; nil without points that were measured.
    init?(_ result: JSONValue) {
        let points = result["pareto"]?.array ?? []
        let limits = result["budget"]?.array ?? []
        let first = result["outputs"]?.array?.first
        let output = first?["name"] ?? .null
        func limit(_ measure: Measure) -> Double? {
            limits.first { $0["option"]?.string == measure.option && $0["output"] ?? .null == output }?["limit"]?.double
        }
        let kind = first?["task"]?.string.flatMap(PredictionTask.Kind.init)
        let measures = (kind?.measures ?? [.disagreement, .varianceLost, .divergence])
            .filter { measure in points.contains { Self.point($0, measure) != nil } }
        guard let measure = measures.first(where: { limit($0) != nil }) ?? measures.first else { return nil }
        self.init(
            measure: measure,
            points: points.compactMap { Self.point($0, measure) }.sorted { $0.parameters > $1.parameters },
            tuned: result["chosen"].flatMap { Self.point($0, measure) }, limit: limit(measure),
            original: result["original"]?["parameters"]?.double)
        tuned?.isChosen = true
        if self.points.contains(where: { $0 == tuned }) { tuned = nil }
    }

    private static func point(_ point: JSONValue, _ measure: Measure) -> Point? {
        guard let parameters = point["parameters"]?.double, let value = point[measure.rawValue]?.double else {
            return nil
        }
        return Point(
            parameters: parameters, value: value, upper: point["\(measure.rawValue)_upper95"]?.double,
            isChosen: point["chosen"]?.bool ?? false)
    }
}
