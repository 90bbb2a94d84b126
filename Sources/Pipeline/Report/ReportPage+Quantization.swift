import JobContract

/// The section about the weights of a job that asked for integers.
extension ReportPage {
    var quantization: [Page.Block] {
        guard let found = result["quantization"], !found.isNull else { return [] }
        guard isInteger else {
            return [.paragraph("The weights stay floats: \(found["reason"]?.string ?? "").")]
        }
        let weights = found["int8_weights"]?.array ?? []
        let elements = weights.reduce(0) { $0 + ($1["elements"]?.int ?? 0) }
        let sentence =
            "\(count(.int(weights.count))) weights with \(count(.int(elements))) entries are int8, with a scale for each "
            + "channel. All measures are those of that file, run one sample at a time: each run quantizes its values by "
            + "their range. Latency was not measured, because the integers are run as floats here."
        let kept = found["float_weights"]?.array ?? []
        let reasons = Page.Table(
            head: ["Weight that stays float", "Entries", "Reason"],
            rows: kept.map { [$0["name"]?.string ?? "", count($0["elements"]), $0["reason"]?.string ?? ""] })
        return [.paragraph(sentence), .table(formats(found)), .table(reasons)]
    }

    /// The same network as floats and as integers.
    private func formats(_ found: JSONValue) -> Page.Table {
        let (floats, integers) = (found["floats"] ?? .null, result["compressed"] ?? .null)
        var rows = [["Bytes", count(found["bytes_before"]), count(found["bytes_after"])]]
        if let name = integers["metric_name"]?.string {
            rows.append([name, number(floats["metric"]), number(integers["metric"])])
            rows.append(["Loss", number(floats["loss"]), number(integers["loss"])])
        }
        let (before, after) = (floats["outputs"]?.array?.first, result["outputs"]?.array?.first)
        let measures = [
            ("disagreement", "Disagreement"), ("divergence", "KL or MSE"), ("variance_lost", "Variance lost"),
        ]
        for (key, words) in measures where after?[key]?["value"]?.double != nil {
            rows.append([words + " with the original", number(before?[key]?["value"]), number(after?[key]?["value"])])
        }
        return Page.Table(head: ["", "Floats", "int8"], rows: rows)
    }
}
