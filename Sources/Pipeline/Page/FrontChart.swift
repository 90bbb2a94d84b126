import ByteText

/// The front as a drawing: parameters against damage, with bounds, the budget and the chosen point.
struct FrontChart {
    private let front: FrontSeries

    init(_ front: FrontSeries) { self.front = front }

    private var all: [FrontSeries.Point] { front.points + (front.tuned.map { [$0] } ?? []) }

    var markup: String {
        let sizes = all.map(\.parameters) + [front.original].compactMap(\.self)
        let damage = all.flatMap { [$0.value, $0.upper ?? $0.value] } + [front.limit].compactMap(\.self)
        var chart = Chart(
            "The front: \(front.title) against parameters",
            x: Chart.Axis(title: "parameters", scale: PlotScale(linear: sizes, steps: 4), unit: .count),
            y: Chart.Axis(title: front.title, scale: PlotScale(of: damage), unit: front.unit))
        if let limit = front.limit { chart.limit(limit, "budget \(front.unit.text(limit))") }
        chart.curve(front.points.map { ($0.parameters, $0.value) }, .faint)
        for point in all { point.upper.map { chart.interval(point.parameters, from: point.value, to: $0) } }
        let isTuned = front.tuned != nil
        for point in front.points where !point.isChosen || isTuned {
            chart.point(point.parameters, point.value, saying: words(point))
        }
        let chosen = front.tuned ?? front.points.first(where: \.isChosen)
        if let chosen {
            chart.point(chosen.parameters, chosen.value, .chosen, saying: words(chosen))
            chart.note(isTuned ? "chosen, fine-tuned" : "chosen", at: chosen.parameters, chosen.value)
        }
        return chart.markup
    }

    /// The words that tell how to read the drawing.
    var caption: String {
        "Each point is one network of the front, measured on the deciding samples. The bar above it ends where the measure "
            + "lies below with 95 % confidence; the budget is held to that end."
            + (front.tuned == nil ? "" : " Only the chosen one was fine-tuned.")
    }

    private func words(_ point: FrontSeries.Point) -> String {
        let bound = point.upper.map { ", at most \(front.unit.text($0))" } ?? ""
        return "\(NumberFormat.grouped(Int(exactly: point.parameters) ?? 0)) parameters: "
            + "\(front.unit.text(point.value)) \(front.title)\(bound)"
    }
}
