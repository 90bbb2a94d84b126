import ByteText
import JobContract

/// The report of a check for people, generated from its JSON alone.
struct CheckPage {
    private let report: JSONValue

    init(_ report: JSONValue) { self.report = report }

    var page: Page {
        let names = ["new", "old"].map { report[$0]?.string ?? "" }
        let verdict = report["holds"]?.bool == true ? "holds" : "does not hold"
        let warnings = (report["warnings"]?.array ?? []).compactMap { $0["message"]?.string }
        let assumptions = (report["assumptions"]?.array ?? []).compactMap(\.string)
        let tables = [
            ("Limits", limits), ("Both files", networks), ("Outputs", outputs), ("To run it again", reproduction),
        ]
        return Page(
            title: "\(names[0]) in place of \(names[1]): \(verdict)", lead: report["summary"]?.string ?? "",
            opening: warnings.map(Page.Block.warning) + assumptions.map(Page.Block.paragraph),
            sections: tables.map { Page.Section(title: $0, blocks: [.table($1)]) })
    }

    private var result: JSONValue { report["result"] ?? .null }

    private var limits: Page.Table {
        let rows = (result["limits"]?.array ?? []).map { limit in
            [
                limit["name"]?.string ?? "", limit["holds"]?.bool == true ? "holds" : "does not hold",
                limit["message"]?.string ?? "",
            ]
        }
        return Page.Table(head: ["Limit", "", "Measured"], rows: rows)
    }

    private var networks: Page.Table {
        let words = [
            ("Parameters", "parameters"), ("Bytes", "bytes"), ("Multiply-adds a sample", "macs"), ("Nodes", "nodes"),
            (result["old"]?["metric_name"]?.string ?? "Metric", "metric"), ("Loss", "loss"),
            ("Latency, median (ms)", "latency_ms_p50"), ("Latency, 90th percentile (ms)", "latency_ms_p90"),
        ]
        let rows = words.compactMap { word, key -> [String]? in
            guard result["old"]?[key]?.double != nil else { return nil }
            return [word, number(result["old"]?[key]), number(result["new"]?[key])]
        }
        return Page.Table(head: ["", "Old", "New"], rows: rows)
    }

    private var outputs: Page.Table {
        let rows = (result["outputs"]?.array ?? []).map { output in
            let measures = ["disagreement", "divergence", "variance_lost"].map { name in
                let bound = output[name]?["upper95"]?.double.map { " (at most \(number(.double($0))))" } ?? ""
                return number(output[name]?["value"]) + bound
            }
            return [output["name"]?.string ?? "", output["task"]?.string ?? ""] + measures
        }
        let head = ["Output", "Task", "Disagreement", "KL or MSE", "Variance lost"]
        return Page.Table(head: head, rows: rows)
    }

    private var reproduction: Page.Table {
        var rows: [[String]] = []
        for member in report["options"]?.object?.members ?? [] where !member.value.isNull {
            rows.append([member.name, member.value.string ?? member.value.text()])
        }
        for member in report["inputs"]?.object?.members ?? [] { rows.append([member.name, member.value.string ?? ""]) }
        rows.append(["layercollapse", report["version"]?.string ?? ""])
        return Page.Table(head: ["", ""], rows: rows)
    }

    private func number(_ value: JSONValue?) -> String {
        if let count = value?.int { return NumberFormat.grouped(count) }
        return value?.double.map { NumberFormat.fixed($0, digits: abs($0) < 10 ? 4 : 1) } ?? ""
    }
}
