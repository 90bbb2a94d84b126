import ByteText
import Foundation
import JobContract

/// A report as a Hugging Face model card in Markdown, and as an HTML page. Both are generated from the report's JSON
/// alone, so that all three agree.
struct ReportPage {
    private let report: JSONValue

    init(_ report: JSONValue) { self.report = report }

    private typealias Table = Page.Table

    /// The model card.
    var markdown: String { "---\ntags:\n- onnx\n- layercollapse\n---\n\n" + page.markdown }
    var html: String { page.html }

    private var page: Page { Page(title: title, paragraphs: paragraphs, tables: tables) }

    // MARK: Content

    private var title: String { "\(report["model"]?.string ?? "model"), collapsed" }
    private var result: JSONValue { report["result"] ?? .null }

    private var paragraphs: [String] {
        var paragraphs: [String] = []
        if result["compressed"]?.isNull ?? true {
            paragraphs.append("No layers were collapsed; the table says why.")
        } else if let ratio = result["compression_ratio"]?.double {
            paragraphs.append(
                "\(NumberFormat.times(ratio)) fewer parameters by \(report["method"]?.string ?? "") "
                    + "(LayerCollapse, arXiv 2311.17943).")
        }
        if let rate = result["disagreement"]?["rate"]?.double {
            let bound = result["disagreement"]?["upper95"]?.double
            paragraphs.append(
                "The two networks answer differently on \(percent(rate)) of \(count(result["disagreement"]?["samples"])) "
                    + "held-out samples"
                    + (bound.map {
                        "; with 95 % confidence on at most \(percent($0)), and accuracy drops by no more than that."
                    }
                        ?? "."))
        }
        paragraphs += (report["warnings"]?.array ?? []).compactMap { $0["message"]?.string }
        paragraphs += (report["assumptions"]?.array ?? []).compactMap(\.string)
        return paragraphs
    }

    private var tables: [Table] { [sizes, outputs, layers, reproduction] }

    private var sizes: Table {
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
        add("Loss", "loss", number)
        add("Latency, median (ms)", "latency_ms_p50", number)
        add("Latency, 90th percentile (ms)", "latency_ms_p90", number)
        return Table(title: "Before and after", head: ["", "Before", "After"], rows: rows)
    }

    /// The measures of each output on the validation samples, with their bounds.
    private var outputs: Table {
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
        return Table(title: "Outputs", head: head, rows: rows)
    }

    private var layers: Table {
        let rows = (result["layers"]?.array ?? []).map { layer in
            [
                layer["name"]?.string ?? "", layer["kind"]?.string ?? "",
                "\(count(layer["in"])) - \(count(layer["hidden"])) - \(count(layer["out"]))",
                count(layer["parameters_before"]), count(layer["parameters_after"]), number(layer["slope"]),
                number(layer["r2"]), number(layer["kl"]),
                layer["collapsed"]?.bool == true ? "collapsed" : "kept: \(layer["reason"]?.string ?? "")",
            ]
        }
        let refused = (result["not_collapsible"]?.array ?? []).map { refusal in
            [refusal["name"]?.string ?? ""] + [String](repeating: "", count: 7)
                + ["no candidate: \(refusal["reason"]?.string ?? "")"]
        }
        let head = ["Layer", "Kind", "Sizes", "Parameters before", "after", "Slope", "R2", "KL alone", "Decision"]
        return Table(title: "Layers", head: head, rows: rows + refused)
    }

    private var reproduction: Table {
        var rows: [[String]] = []
        for member in report["options"]?.object?.members ?? [] where !member.value.isNull {
            rows.append([member.name, member.value.string ?? member.value.text()])
        }
        for member in report["inputs"]?.object?.members ?? [] { rows.append([member.name, member.value.string ?? ""]) }
        for member in result["digests"]?.object?.members ?? [] {
            rows.append(["result: \(member.name)", member.value.string ?? ""])
        }
        rows.append(["layercollapse", report["version"]?.string ?? ""])
        return Table(title: "To run it again", head: ["", ""], rows: rows)
    }

    // MARK: Words

    private func count(_ value: JSONValue?) -> String { value?.int.map(NumberFormat.grouped) ?? "" }

    private func number(_ value: JSONValue?) -> String {
        value?.double.map { NumberFormat.fixed($0, digits: abs($0) < 10 ? 4 : 1) } ?? ""
    }

    private func percent(_ value: Double?) -> String {
        value.map { NumberFormat.fixed(100 * $0, digits: 2) + " %" } ?? ""
    }
}
