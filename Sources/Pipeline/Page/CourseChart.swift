import JobContract

/// The course of a training as a drawing: the loss, or the slopes of the blocks, against the steps.
struct CourseChart {
    private let title: String
    private let curves: [(name: String, values: [Double])]
    private let steps: [Double]

    /// The loss of the `training` of a report; nil without two points.
    init?(lossOf training: JSONValue) {
        self.init("loss", training, [("loss", training["loss"] ?? .null)])
    }

    /// The slopes of the `training` of a report; nil without any.
    init?(slopesOf training: JSONValue) {
        let slopes = training["slopes"]?.object?.members ?? []
        guard !slopes.isEmpty else { return nil }
        self.init("slope", training, slopes.map { ($0.name, $0.value) })
    }

    private init?(_ title: String, _ training: JSONValue, _ curves: [(String, JSONValue)]) {
        steps = (training["steps"]?.array ?? []).map { $0.double ?? .nan }
        self.title = title
        self.curves = curves.map { name, values in (name, (values.array ?? []).map { $0.double ?? .nan }) }
        guard steps.count > 1 else { return nil }
    }

    var markup: String {
        let values = curves.flatMap(\.values).filter(\.isFinite)
        var chart = Chart(
            "The \(title) during the training",
            x: Chart.Axis(title: "step", scale: PlotScale(linear: [0] + steps), unit: .count),
            y: Chart.Axis(title: title, scale: PlotScale(linear: values + [0])))
        for curve in curves {
            let points = zip(steps, curve.values).filter { $0.1.isFinite }.map { (x: $0.0, y: $0.1) }
            chart.curve(points, .curve, saying: curve.name)
        }
        return chart.markup
    }
}
