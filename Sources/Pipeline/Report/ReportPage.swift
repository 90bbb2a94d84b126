import ByteText
import JobContract

/// A report as a Hugging Face model card in Markdown, and as an HTML page. Both are generated from the report's JSON
/// alone, so that all three agree.
struct ReportPage {
    let report: JSONValue

    init(_ report: JSONValue) { self.report = report }

    /// The model card.
    var markdown: String { "---\ntags:\n- onnx\n- layercollapse\n---\n\n" + page.markdown }
    var html: String { page.html }

    var result: JSONValue { report["result"] ?? .null }
    private var model: String { report["model"]?.string ?? "model" }
    private var isCompressed: Bool { !(result["compressed"]?.isNull ?? true) }

    private var page: Page {
        Page(
            title: "\(model), \(isCompressed ? "compressed" : "left as it is")", lead: headline,
            opening: [.tiles(tiles)] + warnings.map(Page.Block.warning),
            sections: [
                Page.Section(title: "The front", blocks: front),
                Page.Section(title: "Certificate", blocks: certificate),
                Page.Section(title: "Before and after", blocks: [.table(sizes), .figures(bars)]),
                Page.Section(title: "Integer weights", blocks: quantization),
                Page.Section(title: "Sites", blocks: [.paragraph(sitesNote), .table(sites)]),
                Page.Section(title: "Training", blocks: training),
                Page.Section(title: "Outputs", blocks: [.table(outputs)]),
                Page.Section(title: "Classes", blocks: [.table(classes)]),
                Page.Section(title: "What was not touched", blocks: untouched),
                Page.Section(title: "To run it again", blocks: commands + [.table(reproduction)]),
            ])
    }

    // MARK: Sentences

    private var headline: String {
        guard isCompressed else { return "No layers were collapsed; the table says why." }
        var sentence = model
        let ratio = result["compression_ratio"]?.double ?? 1
        // Integers alone leave the number of parameters as it was.
        if isInteger, ratio < 1.005 {
            sentence += " has int8 weights"
        } else {
            sentence += " has \(NumberFormat.times(ratio)) fewer parameters" + (isInteger ? " with int8 weights" : "")
        }
        if let cost { sentence += " and \(cost)" }
        return sentence + "."
    }

    /// The damage that the validation samples show, as the predicate of a sentence.
    private var cost: String? {
        let output = result["outputs"]?.array?.first
        let samples = count(output?["samples"] ?? result["disagreement"]?["samples"])
        if let rate = result["disagreement"]?["rate"]?.double {
            return "answers differently on \(percent(rate)) of \(samples) held-out samples"
        }
        if let lost = output?["variance_lost"]?["value"]?.double {
            let name = output?["name"]?.string ?? ""
            return "loses \(percent(lost)) of the variance of '\(name)' on \(samples) held-out samples"
        }
        return nil
    }

    private var warnings: [String] {
        var lines: [String] = []
        if result["met_budget"]?.bool == false {
            let admission = (result["admitting_budget"]?.object?.members ?? []).map { name, value in
                "\(name)=\(number(value))"
            }
            lines.append(
                "No network of the front is within the budget: this is the one of the least damage"
                    + (admission.isEmpty ? "." : ", and \(admission.joined(separator: " ")) would admit it."))
        }
        return lines + (report["warnings"]?.array ?? []).compactMap { $0["message"]?.string }
    }

    private var certificate: [Page.Block] {
        var sentences: [String] = []
        if let rate = result["disagreement"]?["rate"]?.double {
            let bound = result["disagreement"]?["upper95"]?.double
            sentences.append(
                "The two networks answer differently on \(percent(rate)) of \(count(result["disagreement"]?["samples"])) "
                    + "held-out samples"
                    + (bound.map {
                        "; with 95 % confidence on at most \(percent($0)), and accuracy drops by no more than that."
                    } ?? "."))
        } else if let lost = result["outputs"]?.array?.first?["variance_lost"], let value = lost["value"]?.double {
            let bound = lost["upper95"]?.double.map { "; with 95 % confidence at most \(percent($0))" } ?? ""
            sentences.append("On the held-out samples \(percent(value)) of the output's variance is lost\(bound).")
        }
        if let difference = result["verification"]?["max_abs_diff"]?.double {
            sentences.append(
                (isInteger ? "Before its weights became integers, the written" : "The written")
                    + " file was read back: its outputs on \(count(result["verification"]?["samples"])) samples are "
                    + "within \(PlotUnit.number.text(difference)) of what was predicted.")
        }
        let assumptions = (report["assumptions"]?.array ?? []).compactMap(\.string)
        return sentences.map(Page.Block.paragraph)
            + (assumptions.isEmpty ? [] : [.paragraph("All that is measured rests on this:"), .list(assumptions)])
    }

    var isInteger: Bool { result["quantization"]?["weights"] == "int8" }

    private var sitesNote: String {
        "Each place of the network that could be replaced, with what the mildest replacement does alone to the held-out "
            + "outputs."
    }

    private var untouched: [Page.Block] {
        let rows = (result["not_collapsible"]?.array ?? []).map { refusal in
            [refusal["name"]?.string ?? "", refusal["reason"]?.string ?? ""]
        }
        let isTrained = !(report["training"]?.isNull ?? true)
        let rest =
            isTrained
            ? "The training may change the numbers outside of the replaced sites; everything else in the file stays."
            : "Everything outside of the replaced sites stays byte for byte as it was."
        let sentences = (isCompressed ? [rest] : []) + (rows.isEmpty ? [] : ["These layers could not be replaced:"])
        return [
            .paragraph(sentences.joined(separator: " ")),
            .table(Page.Table(head: ["Layer", "Reason"], rows: rows)),
        ]
    }

    private var commands: [Page.Block] {
        [("At the terminal:", "terminal"), ("Over HTTP:", "curl")].flatMap { words, key -> [Page.Block] in
            guard let command = report["commands"]?[key]?.string else { return [] }
            return [.paragraph(words), .command(command)]
        }
    }

    // MARK: Words

    func count(_ value: JSONValue?) -> String { value?.int.map(NumberFormat.grouped) ?? "" }

    func number(_ value: JSONValue?) -> String {
        value?.double.map { NumberFormat.fixed($0, digits: abs($0) < 10 ? 4 : 1) } ?? ""
    }

    func percent(_ value: Double?) -> String { value.map { NumberFormat.fixed(100 * $0, digits: 2) + " %" } ?? "" }
}
