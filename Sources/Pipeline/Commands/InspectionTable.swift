import ByteText
import JobContract

/// A plan as text.
enum InspectionTable {
    /// The keys of a data file, or of a plan's data.
    static func keys(_ data: JSONValue) -> String { text([keyLines(data)]) }

    private static func keyLines(_ data: JSONValue) -> [String] {
        var table = TextTable()
        table.add([.text("key"), .text("type"), .text("shape")])
        for (name, array) in data["keys"]?.object?.members ?? [] {
            table.add([.text(name), .text(array["dtype"]?.string ?? ""), .text(shape(array["shape"]))])
        }
        return table.lines
    }

    static func plan(_ plan: JSONValue) -> String {
        var paragraphs = [model(plan["model"] ?? .null), candidates(plan)]
        let refusals = plan["not_collapsible"]?.array ?? []
        if !refusals.isEmpty {
            var table = TextTable()
            for refusal in refusals {
                table.add([.text("  " + (refusal["name"]?.string ?? "")), .text(refusal["reason"]?.string ?? "")])
            }
            paragraphs.append(["not collapsible:"] + table.lines)
        }
        let outputs = plan["outputs"]?.array ?? []
        if !outputs.isEmpty { paragraphs.append(self.outputs(outputs)) }
        let unsupported = plan["unsupported"]?.array ?? []
        if !unsupported.isEmpty {
            let lines = unsupported.map { node in
                "  " + (node["detail"]?.string ?? "")
                    + (node["gradient_path"]?.bool == true ? " lies on the gradient path" : "")
            }
            paragraphs.append(["what cannot be run:"] + lines)
        }
        if let data = plan["data"], !data.isNull { paragraphs.append(self.data(data)) }
        for warning in plan["warnings"]?.array ?? [] {
            paragraphs.append(["warning: " + (warning["message"]?.string ?? "")])
        }
        for note in plan["notes"]?.array ?? [] { paragraphs.append(["note: " + (note.string ?? "")]) }
        return text(paragraphs)
    }

    /// Joins the paragraphs. Names come from the file, so control characters are shown as codes.
    private static func text(_ paragraphs: [[String]]) -> String {
        paragraphs.map { $0.map(\.visible).joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private static func model(_ model: JSONValue) -> [String] {
        let opsets = model["opsets"]?.object?.members.map { "\($0.name) \($0.value.int ?? 0)" } ?? []
        let head = [
            model["name"]?.string ?? "", NumberFormat.grouped(model["parameters"]?.int ?? 0) + " parameters",
            NumberFormat.megabytes(model["bytes"]?.int ?? 0), opsets.joined(separator: ", "),
        ]
        var table = TextTable()
        for (key, word) in [("inputs", "input"), ("outputs", "output")] {
            for value in model[key]?.array ?? [] {
                table.add([
                    .text(word), .text(value["name"]?.string ?? ""), .text(value["dtype"]?.string ?? ""),
                    .text(shape(value["shape"])),
                ])
            }
        }
        return [head.joined(separator: "  ")] + table.lines
    }

    private static func candidates(_ plan: JSONValue) -> [String] {
        let candidates = plan["candidates"]?.array ?? []
        guard !candidates.isEmpty else { return ["nothing to collapse"] }
        var table = TextTable()
        table.add([
            .text("layer"), .text("kind"), .number("in"), .number("hidden"), .number("out"), .number("before"),
            .number("after"), .text(""),
        ])
        for candidate in candidates {
            let numbers = ["in", "hidden", "out", "parameters_before", "parameters_after"].map { key in
                TextTable.Cell.number(NumberFormat.grouped(candidate[key]?.int ?? 0))
            }
            let remark = candidate["profitable"]?.bool == true ? "" : "saves nothing"
            table.add(
                [.text(candidate["name"]?.string ?? ""), .text(candidate["kind"]?.string ?? "")] + numbers
                    + [.text(remark)])
        }
        let before = plan["model"]?["parameters"]?.int ?? 0
        let saved = plan["max_reduction"]?["parameters"]?.int ?? 0
        let ratio = NumberFormat.times(plan["max_reduction"]?["ratio"]?.double ?? 1)
        let whole =
            "at most: \(NumberFormat.grouped(before)) -> \(NumberFormat.grouped(before - saved)) parameters (\(ratio))"
        return table.lines + ["", whole]
    }

    /// The measured outputs: their kinds, and the budgets that hold by default.
    private static func outputs(_ outputs: [JSONValue]) -> [String] {
        var table = TextTable()
        table.add([.text("measured output"), .text("task"), .text("budget by default")])
        for output in outputs {
            let guess = output["task_is_guess"]?.bool == true ? " (a guess: task=... says otherwise)" : ""
            let axis = output["class_axis"]?.int.map { ", classes along axis \($0)" } ?? ""
            let budget = "\(output["budget"]?.string ?? "") \(output["default"]?.double ?? 0)"
            table.add([
                .text(output["name"]?.string ?? ""), .text((output["task"]?.string ?? "") + axis + guess),
                .text(budget),
            ])
        }
        return table.lines
    }

    private static func data(_ data: JSONValue) -> [String] {
        var lines = keyLines(data)
        if let samples = data["samples"]?.int {
            let classes = data["classes"]?.int.map { ", \($0) classes" } ?? ""
            lines += ["", "\(NumberFormat.grouped(samples)) samples\(classes)"]
            for (input, key) in data["mapping"]?.object?.members ?? [] {
                lines.append("  \(input) <- \(key.string ?? "")")
            }
        }
        for note in data["notes"]?.array ?? [] { lines.append("  " + (note.string ?? "")) }
        return lines
    }

    private static func shape(_ shape: JSONValue?) -> String {
        guard let sizes = shape?.array else { return "" }
        return "[" + sizes.map { $0.string ?? $0.text() }.joined(separator: ", ") + "]"
    }
}
