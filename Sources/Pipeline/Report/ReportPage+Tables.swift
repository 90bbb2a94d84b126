import ByteText
import JobContract

/// The tables of a report.
extension ReportPage {
    var sizes: Page.Table {
        let (before, after) = (result["original"] ?? .null, result["compressed"] ?? .null)
        var rows: [[String]] = []
        func add(_ name: String, _ key: String, _ format: (JSONValue?) -> String) {
            guard before[key]?.double != nil else { return }
            rows.append([name, format(before[key]), format(after[key])])
        }
        add("Parameters", "parameters", count)
        add("Bytes", "bytes", count)
        add("Multiply-adds a sample", "macs", count)
        add("Nodes", "nodes", count)
        let isRate = before["metric_name"]?.string?.containsBytes(of: "accuracy") ?? false
        add(before["metric_name"]?.string ?? "Metric", "metric") { isRate ? percent($0?.double) : number($0) }
        if isRate {
            func interval(_ network: JSONValue) -> String {
                (network["metric_interval95"]?.array ?? []).map { percent($0.double) }.joined(separator: " to ")
            }
            if !interval(before).isEmpty {
                rows.append(["\u{2014} its 95 % interval", interval(before), interval(after)])
            }
        }
        add("Loss", "loss", number)
        add("Latency, median (ms)", "latency_ms_p50", number)
        add("Latency, 90th percentile (ms)", "latency_ms_p90", number)
        return Page.Table(head: ["", "Before", "After"], rows: rows)
    }

    /// The points of the front, with their measures on the deciding samples and the bounds that decide.
    var points: Page.Table {
        var points = result["pareto"]?.array ?? []
        let place = points.firstIndex { $0["chosen"]?.bool == true }
        // The row of the chosen point is followed by what fine-tuning made of it.
        let chosen = result["chosen"] ?? .null
        let isTuned = place.map { !chosen.isNull && points[$0]["damage"] != chosen["damage"] } ?? false
        if let place, isTuned { points.insert(chosen, at: place + 1) }
        let measures = [
            ("disagreement", "Disagreement"), ("divergence", "KL or MSE"), ("variance_lost", "Variance lost"),
        ].filter { key, _ in points.contains { $0[key]?.double != nil } }
        let hasMetric = points.contains { $0["metric"]?.double != nil }
        let rows = points.enumerated().map { index, point in
            [
                index == place
                    ? "chosen" : isTuned && index == (place ?? 0) + 1 ? isInteger ? "as int8" : "fine-tuned" : "",
                count(point["layers"]), count(point["parameters"]),
                count(point["macs"]), number(point["predicted_damage"]),
            ]
                + measures.map { key, _ in
                    let bound = point["\(key)_upper95"]?.double.flatMap { $0.isFinite ? $0 : nil }
                    return number(point[key]) + (bound.map { " (< \(number(.double($0))))" } ?? "")
                } + (hasMetric ? [number(point["metric"])] : [])
        }
        return Page.Table(
            head: ["", "Sites", "Parameters", "Multiply-adds", "Predicted damage"] + measures.map(\.1)
                + (hasMetric ? ["Metric"] : []), rows: rows,
            marked: place)
    }

    /// The measures of each output on the validation samples, with their bounds.
    var outputs: Page.Table {
        let rows = (result["outputs"]?.array ?? []).map { output in
            let measures = ["disagreement", "divergence", "variance_lost"].map { name in
                let bound = output[name]?["upper95"]?.double.map { " (at most \(number(.double($0))))" } ?? ""
                return number(output[name]?["value"]) + bound
            }
            let guess = output["task_is_guess"]?.bool == true ? " (a guess)" : ""
            return [output["name"]?.string ?? "", (output["task"]?.string ?? "") + guess] + measures
                + [number(output["cosine"]?["mean"]), number(output["cosine"]?["worst5"])]
        }
        let head = ["Output", "Task", "Disagreement", "KL or MSE", "Variance lost", "Mean cosine", "Worst 5 %"]
        return Page.Table(head: head, rows: rows)
    }

    /// The decision for each site, with its reason and numbers.
    var sites: Page.Table {
        let rows = (result["layers"]?.array ?? []).map { layer in
            let isReplaced = layer["collapsed"]?.bool == true
            let words = layer["choice"]?["words"]?.string ?? "collapsed"
            return [
                layer["name"]?.string ?? "", isReplaced ? words : "kept: \(layer["reason"]?.string ?? "")",
                layer["kind"]?.string ?? "",
                "\(count(layer["in"])) - \(count(layer["hidden"])) - \(count(layer["out"]))",
                count(layer["parameters_before"]),
                isReplaced ? count(layer["parameters_after"]) : count(layer["parameters_before"]),
                number(layer["slope"]), number(layer["r2"]), number(layer["kl"]),
            ]
        }
        let head = [
            "Site", "Decision", "Kind", "Sizes", "Parameters before", "after", "Slope", "R2", "Damage alone",
        ]
        return Page.Table(head: head, rows: rows)
    }

    /// The recall of each class, where there are labels.
    var classes: Page.Table {
        let worst = result["worst_class"]?["class"]?.int
        let classes = result["classes"]?.array ?? []
        let rows = classes.map { entry in
            let (before, after) = (entry["recall_before"]?.double ?? .nan, entry["recall_after"]?.double ?? .nan)
            return [
                count(entry["class"]), count(entry["samples"]), percent(before), percent(after),
                NumberFormat.fixed(100 * (after - before), digits: 2),
            ]
        }
        return Page.Table(
            head: ["Class", "Samples", "Recall before", "after", "Change (points)"], rows: rows,
            marked: classes.firstIndex { worst != nil && $0["class"]?.int == worst })
    }

    var reproduction: Page.Table {
        var rows: [[String]] = []
        for member in report["options"]?.object?.members ?? [] where !member.value.isNull {
            rows.append([member.name, member.value.string ?? member.value.text()])
        }
        for member in report["inputs"]?.object?.members ?? [] { rows.append([member.name, member.value.string ?? ""]) }
        for member in result["digests"]?.object?.members ?? [] {
            rows.append(["result: \(member.name)", member.value.string ?? ""])
        }
        rows.append(["layercollapse", report["version"]?.string ?? ""])
        return Page.Table(head: ["", ""], rows: rows)
    }
}
