import ByteText
import JobContract

/// The drawings of a report, and its figures in large letters.
extension ReportPage {
    private typealias Row = (key: String, words: String, format: (JSONValue) -> String)

    /// The figures of both networks that are told first.
    var tiles: [Page.Tile] {
        guard let before = result["original"], let after = result["compressed"], !after.isNull else { return [] }
        func count(_ value: JSONValue) -> String { PlotUnit.count.text(value.double ?? .nan) }
        let rows: [Row] = [
            ("parameters", "fewer parameters", count),
            ("bytes", "smaller file", { NumberFormat.megabytes($0.int ?? 0) }),
            ("macs", "fewer multiply-adds", count),
            ("latency_ms_p50", "faster (median)", { PlotUnit.number.text($0.double ?? .nan) + " ms" }),
        ]
        var tiles = rows.compactMap { row -> Page.Tile? in
            guard let old = before[row.key], let new = after[row.key], let ratio = old.double, let least = new.double,
                least > 0
            else { return nil }
            return Page.Tile(
                name: row.words, value: NumberFormat.fixed(ratio / least, digits: 2) + "x",
                detail: "\(row.format(old)) \u{2192} \(row.format(new))")
        }
        if let name = before["metric_name"]?.string, let old = before["metric"], let new = after["metric"],
            !new.isNull
        {
            let metric = { name.containsBytes(of: "accuracy") ? percent($0) : number(.double($0 ?? .nan)) }
            tiles.append(Page.Tile(name: name, value: metric(new.double), detail: "\(metric(old.double)) before"))
        }
        return tiles
    }

    /// The front as a drawing beside its prediction, and as a table.
    var front: [Page.Block] {
        var figures: [Page.Figure] = []
        if let front = FrontSeries(result), front.points.count > 1 {
            let chart = FrontChart(front)
            figures.append(Page.Figure(title: "Size against damage.", drawing: chart.markup, caption: chart.caption))
        }
        if let chart = PredictionChart(result) {
            let ratio = result["prediction"]?["worst_ratio"]?.double
            let worst = ratio.map { " The farthest is predicted at \(PlotUnit.number.text($0)) times what it is." }
            figures.append(
                Page.Figure(
                    title: "Predicted against measured.", drawing: chart.markup,
                    caption:
                        "The damages of the sites alone were added up to find the points; on the dashed line the sum "
                        + "is right.\(worst ?? "")"))
        }
        let table = points
        let note =
            "Each row is one network, measured on the deciding samples; in brackets the bound that holds with 95 % "
            + "confidence."
        return [.figures(figures)] + (table.rows.isEmpty ? [] : [.paragraph(note), .table(table)])
    }

    /// Bars of where the parameters and the multiply-adds are.
    var bars: [Page.Figure] {
        guard let before = result["original"], let after = result["compressed"], !after.isNull else { return [] }
        // An exact merge makes the layer of another site: its parameters would be counted twice.
        let layers = (result["layers"]?.array ?? []).filter {
            !($0["kind"]?.string ?? "").endsWithBytes(of: "(exact)")
        }
        return [("parameters", "Where the parameters are."), ("macs", "Where the multiply-adds are.")].compactMap {
            key, title in
            let sites = layers.compactMap { layer -> SizeBars.Bar? in
                guard let old = layer["\(key)_before"]?.int, let new = layer["\(key)_after"]?.int else { return nil }
                return SizeBars.Bar(
                    name: layer["name"]?.string ?? "", before: old, after: layer["collapsed"]?.bool == true ? new : old)
            }
            guard let old = before[key]?.int, let new = after[key]?.int, !sites.isEmpty else { return nil }
            let bars = SizeBars(title, sites, total: SizeBars.Bar(name: "everything else", before: old, after: new))
            guard !bars.isEmpty else { return nil }
            return Page.Figure(title: title, drawing: bars.markup, caption: "Pale: before. Full: after.")
        }
    }

    /// The course of the last training.
    var training: [Page.Block] {
        guard let training = report["training"], !training.isNull else { return [] }
        var figures: [Page.Figure] = []
        if let chart = CourseChart(lossOf: training) {
            figures.append(
                Page.Figure(title: "Loss.", drawing: chart.markup, caption: "On the batches of the last training."))
        }
        if let chart = CourseChart(slopesOf: training) {
            figures.append(
                Page.Figure(
                    title: "Slopes.", drawing: chart.markup, caption: "A block merges when its slope is near 1."))
        }
        let steps = count(training["steps"]?.array?.last)
        let losses = training["loss"]?.array ?? []
        let change = [losses.first, losses.last].map(number).joined(separator: " to ")
        return [.paragraph("The last training took \(steps) steps; its loss went from \(change)."), .figures(figures)]
    }
}
