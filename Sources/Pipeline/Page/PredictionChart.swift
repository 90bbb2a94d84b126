import JobContract

/// The damage that the table of single replacements adds up to, against the damage that was measured.
struct PredictionChart {
    private let points: [(predicted: Double, measured: Double)]

    /// Reads the points from the `result` of a report; nil for fewer than two.
    init?(_ result: JSONValue) {
        points = (result["pareto"]?.array ?? []).compactMap { point in
            guard let predicted = point["predicted_damage"]?.double, let measured = point["damage"]?.double else {
                return nil
            }
            return (predicted, measured)
        }
        guard points.count > 1 else { return nil }
    }

    var markup: String {
        let scale = PlotScale(of: points.flatMap { [$0.predicted, $0.measured] })
        var chart = Chart(
            "Predicted against measured damage", x: Chart.Axis(title: "predicted damage", scale: scale),
            y: Chart.Axis(title: "measured damage", scale: scale))
        chart.curve([scale.lower, scale.upper].map { ($0, $0) }, .limit)
        for point in points {
            chart.point(
                point.predicted, point.measured,
                saying: "predicted \(PlotUnit.number.text(point.predicted)), measured "
                    + PlotUnit.number.text(point.measured))
        }
        return chart.markup
    }
}
