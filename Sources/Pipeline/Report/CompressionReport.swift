import ByteText
import Collapse
import Compute
import Formats
import Foundation
import JobContract
import Model
import Options
import SystemCalls

/// The outcome and cost of a compression: the job's result, and everything needed to run it again.
struct CompressionReport {
    let model: SourceModel
    let data: CompressionData
    let order: CompressionOrder
    let options: JobOptions

    var original: Metrics?
    /// The original's metrics on the calibration samples, which it may have been trained on.
    var trained: Metrics?
    var compressed: Metrics?
    /// The comparisons of all outputs of both networks on the validation samples, that of the labels first.
    var comparisons: [Comparison] = []
    var outcome: Collapser.Outcome?
    var warnings: [(code: String, message: String)] = []
    /// The reason why the search ended early; nil if it did not.
    var endedEarly: EndRequest.Reason?
    var verification: Verification?
    /// The latency of both networks; nil for integer weights, which the runtime computes as floats.
    var latency: Latency?
    /// The files of the outcome's points, as far as they are stored; empty when none was to be.
    var points: [PointFolder.Point?] = []
    /// The written file with integer weights; nil for a file of floats.
    var integers: IntegerFile?
    /// The measures of the same network as floats.
    var floats: (metrics: Metrics?, comparisons: [Comparison])?
    /// The written files at their temporary paths, the model first.
    var files: [String] = []
    var spent: [PhaseUsage] = []
    var course = TrainingCourse()
    var seconds = 0.0
    private var digests: [(name: String, digest: String)] = []
    /// The input files (model files first, then data) with digests. Read once, for the report and the model's metadata.
    private let inputs: [(path: String, digest: String)]

    init(model: SourceModel, data: CompressionData, order: CompressionOrder, options: JobOptions) throws {
        (self.model, self.data, self.order, self.options) = (model, data, order, options)
        let paths = model.files + [order.data, order.validationData].compactMap(\.self)
        inputs = try paths.map { ($0, try FileDigest.sha256($0)) }
    }

    mutating func digestFiles() throws {
        digests = try files.map { (URL(filePath: $0).lastPathComponent, try FileDigest.sha256($0)) }
    }

    private var originalSizes: (parameters: Int, bytes: Int) { (data.graph.parameterCount, model.byteCount) }
    private var compressedSizes: (parameters: Int, bytes: Int)? {
        verification.map { ($0.graph.parameterCount, integers?.bytes ?? $0.bytes) }
    }

    /// The digest of everything that the numbers depend on: files, options and program version.
    var identity: String { identity(without: CompressionCommands.irrelevant) }

    /// The digest of everything that the points of a search depend on, which jobs with other budgets may have in common.
    var searchIdentity: String { identity(without: JobOptions.namesBehindSearch) }

    private func identity(without names: [String]) -> String {
        var options = order.options.all
        for name in names { options[name] = nil }
        let hash = SHA256()
        let lines = [Version.number, JSONValue.object(options).text()] + inputs.map(\.digest)
        hash.update(Array(lines.joined(separator: "\n").utf8).span)
        return hash.finish()
    }

    // MARK: Result

    /// The job's `result` as JSON.
    var result: JSONValue {
        [
            "original": Self.sizes(
                data.graph, bytes: model.byteCount, nodes: model.document.model.nodes.count, original,
                latency?.original),
            "compressed": verification.map {
                Self.sizes(
                    $0.graph, bytes: integers?.bytes ?? $0.bytes, nodes: integers?.nodes ?? $0.nodes, compressed,
                    latency?.compressed)
            } ?? .null,
            "compression_ratio": JSONValue(
                compressedSizes.map { Double(originalSizes.parameters) / Double(max(1, $0.parameters)) }),
            "metric_drop": JSONValue(metricDrop), "met_budget": outcome.map { .bool($0.metBudget) } ?? .null,
            "ended_early": JSONValue(endedEarly?.rawValue),
            "admitting_budget": .object(
                JSONValue.Object((outcome?.admission ?? []).map { ($0.option, .double($0.value)) })),
            "disagreement": disagreement, "divergence": JSONValue(comparisons.first?.divergence.value),
            "outputs": .array(comparisons.map { $0.document(isCertified: data.hasOwnSplit) }),
            "classes": .array(classes), "worst_class": worstClass,
            "layers": .array(outcome?.layers.map(\.document) ?? []),
            "not_collapsible": .array(
                outcome?.refusals.map { ["name": .string($0.name), "reason": .string($0.reason)] } ?? []),
            "pareto": .array(outcome.map(front) ?? []),
            "chosen": outcome?.chosen?.document ?? .null, "budget": .array(outcome?.uses.map(\.document) ?? []),
            "prediction": outcome?.points.prediction ?? .null,
            "verification": verification.map {
                ["max_abs_diff": .double($0.maxAbsDifference), "samples": .int($0.samples.count)]
            } ?? .null,
            "quantization": quantization, "digests": .object(JSONValue.Object(resultDigests)),
        ]
    }

    /// The points, each with the size and digest of its file; null where it has none.
    private func front(of outcome: Collapser.Outcome) -> [JSONValue] {
        outcome.points.indices.map { index in
            let point = outcome.points[index].document(among: outcome.layers, chosen: outcome.chosen)
            var object = point.object ?? JSONValue.Object()
            let file = points.indices.contains(index) ? points[index] : nil
            object["bytes"] = JSONValue(file?.byteCount)
            object["digest"] = JSONValue(file?.digest)
            return .object(object)
        }
    }

    private var resultDigests: [(String, JSONValue)] {
        digests.enumerated().map { ($0 == 0 ? "model" : $1.name, .string($1.digest)) }
    }

    /// The size, quality and speed of a network, for a report.
    static func sizes(
        _ graph: Graph, bytes: Int, nodes: Int, _ measurement: Metrics?, _ latency: Latency.Percentiles?
    ) -> JSONValue {
        [
            "parameters": .int(graph.parameterCount), "bytes": .int(bytes), "macs": .int(graph.macs),
            "nodes": .int(nodes), "metric": JSONValue(measurement?.metric),
            "metric_name": JSONValue(measurement?.metricName),
            "metric_interval95": measurement?.interval.map { .array($0.map(JSONValue.double)) } ?? .null,
            "loss": JSONValue(measurement?.loss), "latency_ms_p50": JSONValue(latency?.p50),
            "latency_ms_p90": JSONValue(latency?.p90),
        ]
    }

    /// The deterioration of the metric, in its own units; positive means worse.
    var metricDrop: Double? {
        guard let original, let compressed else { return nil }
        return original.isRate ? original.metric - compressed.metric : compressed.metric - original.metric
    }

    /// The recall of each class before and after.
    private var classes: [JSONValue] {
        guard let original, let compressed else { return [] }
        return zip(original.classes, compressed.classes).enumerated().map { index, pair in
            [
                "class": .int(index), "samples": .int(pair.0.count), "recall_before": .double(pair.0.recall),
                "recall_after": .double(pair.1.recall),
            ]
        }
    }

    /// The class whose recall falls most; null when none falls.
    private var worstClass: JSONValue {
        guard let original, let worst = compressed?.worstClass(from: original) else { return .null }
        return ["class": .int(worst.index), "drop": .double(worst.drop)]
    }

    /// The disagreement and its upper bound, which also bounds the drop in accuracy, even without labels.
    ///
    /// Samples that the network may have been trained on certify nothing.
    private var disagreement: JSONValue {
        guard let comparison = comparisons.first, let found = comparison.disagreement else { return .null }
        return [
            "rate": .double(found.value), "upper95": data.hasOwnSplit ? .double(found.upper95) : .null,
            "samples": .int(comparison.samples),
        ]
    }

    // MARK: Report

    /// The whole report: the result, and what is needed to reproduce it.
    var document: JSONValue {
        [
            "object": "report", "model": .string(model.name), "result": result,
            "options": .object(filledOptions), "seed": .int(Int(clamping: options.seed)),
            "method": .string(options.method?.rawValue ?? ""),
            "training_metric": JSONValue(trained?.metric),
            "data": [
                "file": JSONValue(order.data.map { URL(filePath: $0).lastPathComponent }),
                "mapping": .object(JSONValue.Object(data.mapping.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
                "training_samples": .int(data.trainingCount),
                "calibration_samples": JSONValue(data.samples?.calibration.count),
                "deciding_samples": JSONValue(data.samples?.search.count),
                "validation_samples": JSONValue(data.validation?.count),
                "notes": .array(data.notes.map(JSONValue.string)),
            ],
            "inputs": .object(JSONValue.Object(inputDigests)),
            "assumptions": .array(assumptions.map(JSONValue.string)),
            "warnings": .array(warnings.map { ["code": .string($0.code), "message": .string($0.message)] }),
            "latency": latency.map {
                [
                    "batch_size": .int($0.batchSize), "rounds": .int($0.rounds), "speedup": .double($0.speedup.ratio),
                    "speedup_interval95": [
                        .double($0.speedup.interval.lowerBound), .double($0.speedup.interval.upperBound),
                    ],
                ]
            } ?? .null,
            "threads": .int(threadCount), "version": .string(Version.number), "seconds": .double(seconds),
            "peak_memory_bytes": .int(ProcessUsage.peakMemoryBytes), "cpu_seconds": .double(ProcessUsage.cpuSeconds),
            "forward_seconds": .double(spent.reduce(0) { $0 + $1.forwardSeconds }),
            "phases": .array(spent.map(\.document)), "training": course.document,
            "commands": CompressionCommands(models: model.files, order, threads: threadCount).document,
        ]
    }

    /// The options with the values that were used.
    private var filledOptions: JSONValue.Object {
        var all = order.options.all
        all["method"] = .string(options.method?.rawValue ?? "")
        if let samples = data.samples {
            let batch = data.batchSize * data.runsPerStep(options)
            let plan = TrainingPlan(
                options, stepsPerEpoch: max(1, samples.training.count / batch), of: data.graph)
            all["batch_size"] = .int(batch)
            all["steps"] = .int(plan.steps)
            all["learning_rate"] = .double(plan.learningRate)
            if options.method == .layercollapse { all["penalty"] = .double(plan.penalty) }
            switch plan.optimizer {
            case .sgd(let momentum, let decay):
                all["optimizer"] = "sgd"
                all["momentum"] = .double(Double(momentum))
                all["weight_decay"] = .double(Double(decay))
            case .adamW(let decay):
                all["optimizer"] = "adamw"
                all["weight_decay"] = .double(Double(decay))
            }
        }
        all["threads"] = .int(threadCount)
        return all
    }

    private var inputDigests: [(String, JSONValue)] {
        inputs.map { (URL(filePath: $0.path).lastPathComponent, .string($0.digest)) }
    }

    private var assumptions: [String] {
        var lines = data.validation == nil ? [] : data.tasks.map(\.assumption)
        if let key = data.mapping["labels"] { lines.append("The labels are those of the key '\(key)'.") }
        if data.validation != nil {
            lines.append("No validation sample served fitting, training or decisions.")
            if let original, let trained {
                let values = [trained, original].map { NumberFormat.fixed($0.metric, digits: 4) }
                lines.append(
                    "The original's \(original.metricName) is \(values[0]) on training samples and \(values[1]) on validation "
                        + "samples: what it has learnt by heart shows in the difference.")
            }
            lines.append(
                data.hasOwnSplit
                    ? "The validation samples are drawn like those that the deployment meets, and the network has not been "
                        + "trained on them."
                    : "The data have one part: what is measured holds for data like these, and not if the network was "
                        + "trained on them. Give validation_data, or a test split, for a certificate.")
        } else {
            lines.append("There were no data: what the change costs was not measured.")
        }
        return lines
    }

    /// Writes the report in the format given by each path's extension.
    func write(to paths: [String]) throws(SystemError) {
        guard !paths.isEmpty else { return }
        let document = document
        for path in paths {
            let text =
                switch URL(filePath: path).pathExtension.asciiLowercased {
                case "md": ReportPage(document).markdown
                case "html", "htm": ReportPage(document).html
                default: document.text(indented: true) + "\n"
                }
            try AtomicOutput.write(text, to: path)
        }
    }

    /// The metadata written into the model file, shown by viewers such as Netron.
    ///
    /// The same order gives the same text, so that the model's bytes depend on nothing else.
    var metadata: [(key: String, value: String)] {
        var entries = [
            ("version", Version.number), ("base_model_sha256", inputs[0].digest),
            ("config", JSONValue.object(filledOptions).text()), ("seed", String(options.seed)),
            ("collapsed_layers", outcome?.layers.filter(\.isCollapsed).map(\.name).joined(separator: ",") ?? ""),
        ]
        if let data = inputs.first(where: { $0.path == order.data }) { entries.append(("dataset_sha256", data.digest)) }
        if let original { entries.append(("metric_before", "\(original.metricName) \(original.metric)")) }
        if let compressed { entries.append(("metric_after", "\(compressed.metricName) \(compressed.metric)")) }
        return entries.map { (key: "layercollapse." + $0.0, value: $0.1) }
    }

    /// Entries that are at least as long as those of any outcome, for the size of a file before it is written.
    var largestMetadata: [(key: String, value: String)] {
        var entries = metadata
        let names = Sites(in: data.graph).found.map(\.name).joined(separator: ",")
        if let place = entries.firstIndex(where: { $0.key == "layercollapse.collapsed_layers" }) {
            entries[place].value = names
        }
        entries.append(("layercollapse.metric_after", String(repeating: " ", count: 40)))
        return entries
    }

    // MARK: Summary

    /// The last line to print.
    var summary: String {
        var parts = [model.name]
        if let compressedSizes {
            let ratio = NumberFormat.times(Double(originalSizes.bytes) / Double(max(1, compressedSizes.bytes)))
            parts.append(
                "\(NumberFormat.megabytes(originalSizes.bytes)) -> \(NumberFormat.megabytes(compressedSizes.bytes)) (\(ratio))"
            )
        }
        if let original, let compressed {
            parts.append(
                original.isRate
                    ? "\(original.metricName) \(NumberFormat.fixed(100 * original.metric, digits: 1)) -> "
                        + "\(NumberFormat.fixed(100 * compressed.metric, digits: 1)) %"
                    : "\(original.metricName) \(NumberFormat.fixed(original.metric, digits: 4)) -> "
                        + NumberFormat.fixed(compressed.metric, digits: 4))
        } else if let comparison = comparisons.first {
            parts.append(comparison.words)
        }
        if data.validation != nil { parts[parts.count - 1] += " (\(data.task.words))" }
        if let original, let worst = compressed?.worstClass(from: original) {
            let drop = NumberFormat.fixed(100 * worst.drop, digits: 1)
            parts.append("worst class \(worst.index): recall -\(drop) points")
        }
        if let outcome, !outcome.metBudget {
            let admission = outcome.admission.map { "\($0.option)=\(NumberFormat.fixed($0.value, digits: 4))" }
            let words = admission.isEmpty ? "" : ": \(admission.joined(separator: " ")) would admit it"
            parts.append("over the budget\(words)")
        }
        if integers != nil { parts.append("int8 weights") }
        if let latency { parts.append(latency.speedup.words) }
        parts.append("\(NumberFormat.fixed(seconds, digits: 1)) s")
        return parts.joined(separator: "  ")
    }
}
