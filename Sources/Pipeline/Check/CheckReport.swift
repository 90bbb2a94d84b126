import ByteText
import Collapse
import Compute
import Formats
import Foundation
import JobContract
import Model
import Options
import SystemCalls

/// The outcome of a check: measures, limits, and everything needed to run it again.
struct CheckReport {
    private let pair: CheckPair
    private let order: CheckOrder
    /// The digests of the files, by their parts in the check.
    private let inputs: [(name: String, digest: String)]

    var oldMetrics: Metrics?
    var newMetrics: Metrics?
    /// The comparisons of all outputs, that of the labels first.
    var comparisons: [Comparison] = []
    var limits: [CheckLimit] = []
    var latency: Latency?
    var seconds = 0.0

    init(_ pair: CheckPair, _ order: CheckOrder) throws {
        (self.pair, self.order) = (pair, order)
        let files = [("old", pair.old.files), ("new", pair.new.files), ("data", [order.data])]
        inputs = try files.flatMap { part, paths in
            try paths.enumerated().map { place, path in
                (place == 0 ? part : "\(part)/\(URL(filePath: path).lastPathComponent)", try FileDigest.sha256(path))
            }
        }
    }

    /// True when there are limits and every one holds.
    var holds: Bool { !limits.isEmpty && limits.allSatisfy(\.holds) }

    // MARK: Result

    /// The job's `result` as JSON.
    var result: JSONValue {
        [
            "holds": .bool(holds), "limits": .array(limits.map(\.document)),
            "old": sizes(pair.old, pair.oldGraph, oldMetrics, latency?.original),
            "new": sizes(pair.new, pair.newGraph, newMetrics, latency?.compressed),
            "metric_drop": JSONValue(metricDrop), "disagreement": disagreement,
            "divergence": JSONValue(comparisons.first?.divergence.value),
            "outputs": .array(comparisons.map { $0.document(isCertified: pair.isHeldOut) }),
            "classes": .array(classes), "worst_class": worstClass, "samples": .int(pair.samples.count),
            "latency": latency.map { latency in
                let interval = latency.speedup.interval
                return [
                    "batch_size": .int(latency.batchSize), "rounds": .int(latency.rounds),
                    "slowdown": .double(1 / latency.speedup.ratio),
                    "slowdown_interval95": [.double(1 / interval.upperBound), .double(1 / interval.lowerBound)],
                ]
            } ?? .null,
        ]
    }

    private func sizes(
        _ model: SourceModel, _ graph: Graph, _ metrics: Metrics?, _ latency: Latency.Percentiles?
    ) -> JSONValue {
        CompressionReport.sizes(
            graph, bytes: model.byteCount, nodes: model.document.model.nodes.count, metrics, latency)
    }

    /// The deterioration of the metric, in its own units; positive means worse.
    private var metricDrop: Double? {
        guard let oldMetrics, let newMetrics else { return nil }
        return oldMetrics.isRate ? oldMetrics.metric - newMetrics.metric : newMetrics.metric - oldMetrics.metric
    }

    private var disagreement: JSONValue {
        guard let comparison = comparisons.first, let found = comparison.disagreement else { return .null }
        return [
            "rate": .double(found.value), "upper95": pair.isHeldOut ? .double(found.upper95) : .null,
            "samples": .int(comparison.samples),
        ]
    }

    /// The recall of each class by both files.
    private var classes: [JSONValue] {
        guard let oldMetrics, let newMetrics else { return [] }
        return zip(oldMetrics.classes, newMetrics.classes).enumerated().map { index, counts in
            [
                "class": .int(index), "samples": .int(counts.0.count), "recall_old": .double(counts.0.recall),
                "recall_new": .double(counts.1.recall),
            ]
        }
    }

    private var worstClass: JSONValue {
        guard let oldMetrics, let worst = newMetrics?.worstClass(from: oldMetrics) else { return .null }
        return ["class": .int(worst.index), "drop": .double(worst.drop)]
    }

    // MARK: Report

    /// The whole report: the result, and what is needed to reproduce it.
    var document: JSONValue {
        [
            "object": "check", "old": .string(pair.old.name), "new": .string(pair.new.name), "holds": .bool(holds),
            "summary": .string(summary), "result": result,
            "options": .object(order.options.all(of: .check)),
            "data": [
                "file": .string(URL(filePath: order.data).lastPathComponent), "part": .string(part),
                "mapping": .object(JSONValue.Object(pair.mapping.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
                "samples": .int(pair.samples.count), "notes": .array(pair.notes.map(JSONValue.string)),
            ],
            "inputs": .object(JSONValue.Object(inputs.map { ($0.name, .string($0.digest)) })),
            "assumptions": .array(assumptions.map(JSONValue.string)),
            "warnings": .array(
                (pair.warnings + warningsOfMeasures).map {
                    ["code": .string($0.code), "message": .string($0.message)]
                }),
            "threads": .int(threadCount), "version": .string(Version.number), "seconds": .double(seconds),
            "peak_memory_bytes": .int(ProcessUsage.peakMemoryBytes), "cpu_seconds": .double(ProcessUsage.cpuSeconds),
        ]
    }

    private var part: String {
        switch pair.part {
        case .validation: "test"
        case .unsplit: "all"
        case .training: "training"
        }
    }

    private var assumptions: [String] {
        var lines = pair.tasks.map(\.assumption)
        if let key = pair.mapping["labels"] { lines.append("The labels are those of the key '\(key)'.") }
        if pair.isHeldOut {
            lines.append(
                "The samples are drawn like those that the deployment meets, and neither file was trained, calibrated or "
                    + "chosen on them.")
        }
        return lines
    }

    /// The warnings that follow from the measures.
    var warningsOfMeasures: [(code: String, message: String)] {
        comparisons.filter { !$0.divergence.value.isFinite }.map {
            (
                "not_a_number",
                "the output '\($0.task.output)' of \(pair.names.new) has values that are not numbers or infinite"
            )
        }
    }

    /// Writes the report in the format given by each path's extension.
    func write(to paths: [String]) throws(SystemError) {
        let document = document
        for path in paths {
            let text =
                switch URL(filePath: path).pathExtension.asciiLowercased {
                case "md": CheckPage(document).page.markdown
                case "html", "htm": CheckPage(document).page.html
                case "xml":
                    JUnit(suite: "\(pair.names.old) -> \(pair.names.new)", limits: limits, seconds: seconds).text
                default: document.text(indented: true) + "\n"
                }
            try AtomicOutput.write(text, to: path)
        }
    }

    // MARK: Summary

    /// The last line to print: the decision, and the limit that decides.
    var summary: String {
        let broken = limits.filter { !$0.holds }
        let shown = broken.isEmpty ? limits.prefix(1) : broken[...]
        let verdict = broken.isEmpty ? "holds" : "does not hold"
        var parts = [
            "\(pair.names.new) in place of \(pair.names.old) \(verdict)"
                + (shown.isEmpty ? "" : ": " + shown.map(\.message).joined(separator: "; ")),
            "\(NumberFormat.grouped(pair.samples.count)) samples (\(pair.task.words))",
        ]
        if let latency { parts.append(latency.speedup.words) }
        parts.append("\(NumberFormat.fixed(seconds, digits: 1)) s")
        return parts.joined(separator: "  ")
    }
}
