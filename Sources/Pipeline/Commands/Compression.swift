import ByteText
import Collapse
import Compute
import Formats
import Foundation
package import JobContract
import Model
import Options
import SystemCalls

/// The pipeline of one job: ONNX document, graph, fit or train, collapse, ONNX document, verification, report.
package enum Compression {
    /// Runs a job. The thread count and the memory limit belong to the process and must be set before.
    ///
    /// - Parameters:
    ///   - order: files, options and output paths.
    ///   - ending: tells when the search is to end early.
    ///   - emit: receives the events.
    /// - Returns: the result, with the model and the reports written.
    /// - Throws: ``Problem``; no model is written then. Reports are written even when nothing was collapsed.
    package static func run(
        _ order: CompressionOrder, ending: EndRequest = EndRequest(), emit: @escaping EventSink
    ) throws(Problem) -> CompressionResult {
        let start = ContinuousClock.now
        let progress = CompressionProgress(emit: emit)
        do {
            progress.begin(.validating)
            var options = try order.options.checked(hasData: order.data != nil)
            let model = try SourceModel(order.model)
            if model.document.fixedBatch != nil {
                options.batchSize = options.batchSize ?? CompressionData.defaultBatchSize
            }
            let data = try CompressionData(model, order, options)
            for note in data.notes { progress.log(note) }
            if data.samples != nil, options.finetune != .none,
                let warning = model.fixedBatchWarning(runsPerStep: data.runsPerStep(options))
            {
                progress.warn(warning.message, code: "fixed_batch")
            }
            try data.checkIncluded(options)
            try data.requireMemory(model, order, options)
            var report = try CompressionReport(model: model, data: data, order: order, options: options)

            let checkpoints = try order.checkpoints.map {
                try CheckpointFolder(
                    $0, identity: report.identity, searchIdentity: report.searchIdentity, progress: progress)
            }

            progress.begin(.baseline)
            let reading = ContinuousClock.now - start
            let certifying = try data.validation.map { try HeldOut($0, original: data.graph, task: data.task) }
            // The file is written and read back; the network is run, for the prediction and from the file; speed is measured.
            ending.reserve = reading * 2 + (ContinuousClock.now - start - reading) * 3 + EndRequest.margin
            report.original = certifying?.originalMetrics
            if let samples = data.samples?.calibration, samples.labels != nil, let validation = data.validation {
                // No more than the validation samples, whose outputs fit into memory.
                let some = samples.samples(0..<min(samples.count, validation.count))
                report.trained = try HeldOut(some, original: data.graph, task: data.task).originalMetrics
            }

            let metadata = report.largestMetadata
            let room = DiskRoom(waits: order.checkpoints != nil, progress: progress)
            let integerForm = { @Sendable (graph: Graph) throws(ModelError) -> IntegerForm? in
                do {
                    let scratch = try AtomicOutput(of: order.output + ".int8")
                    var edit = try model.document.edit(toMatch: graph)
                    edit.metadata = metadata
                    try model.document.write(edit, to: scratch.file)
                    return try IntegerFile(replacing: scratch.file, data: data).map {
                        IntegerForm($0.graph, byteCount: $0.bytes)
                    }
                } catch {
                    throw .rewrite(value: model.name, reason: "\(error)")
                }
            }
            let collapser = Collapser(
                data.graph, task: data.task, samples: data.samples, options: options,
                keeper: checkpoints?.keeper ?? .none,
                byteCount: { graph throws(ModelError) in
                    var edit: ONNXEdit
                    do { edit = try model.document.edit(toMatch: graph) } catch {
                        throw .rewrite(value: model.name, reason: "\(error)")
                    }
                    edit.metadata = metadata
                    return model.document.byteCount(edit, at: order.output)
                }, integerForm: integerForm, isFinishing: ending.isFinishing
            ) { event in
                progress.take(event)
                if case .point = event { EndRequest.noteResult() }
            }
            let outcome = try collapser.run()
            if let reason = ending.heeded {
                report.endedEarly = reason
                progress.warn("\(reason.words): the result is the best so far", code: "ended_early")
            }
            (report.outcome, report.warnings) = (outcome, progress.warnings)
            guard outcome.collapsedCount > 0 || outcome.integers?.isTaken == true else {
                report.close(progress)
                try room.write { try report.write(to: order.reports) }
                throw Problem(nothingToCollapse: outcome, in: model)
            }

            progress.begin(.verifying)
            let predicted = try data.compared(of: outcome.graph)
            report.compressed = predicted.flatMap { certifying?.measured($0.outputs).metrics }
            if outcome.integers?.isTaken == true, let certifying, let form = try integerForm(outcome.graph) {
                // The file holds what it will be found to be once it is written.
                report.compressed = try certifying.measured(form.graph).metrics
            }
            let publication = try room.write { try AtomicOutput(of: order.output) }
            var edit = try model.document.edit(toMatch: outcome.graph)
            edit.metadata = report.metadata
            report.files = try room.write { try model.document.write(edit, to: publication.file) }
            let written = try Verification(
                of: publication.file, predicted: outcome.graph, known: predicted, original: data.graph, data: data)
            report.verification = written
            if let measured = certifying?.measured(written.outputs) {
                (report.compressed, report.comparisons) = (measured.metrics, measured.comparisons)
            }
            if outcome.integers?.isTaken == true {
                report.floats = (report.compressed, report.comparisons)
                report.integers = try room.write { try IntegerFile(replacing: publication.file, data: data) }
            }
            if let integers = report.integers {
                report.files = integers.files
                if let measured = try certifying?.measured(integers.graph) {
                    (report.compressed, report.comparisons) = (measured.metrics, measured.comparisons)
                }
            } else {
                report.latency = try Latency(data.graph, written.graph, on: written.samples)
                if let most = options.maxLatencyMs, let found = report.latency?.compressed.p50, found > most {
                    progress.warn(
                        "a run of the written file took \(NumberFormat.fixed(found, digits: 3)) ms, more than when it was chosen",
                        code: "latency_over_limit")
                    report.warnings = progress.warnings
                }
            }

            progress.begin(.exporting)
            try report.digestFiles()
            try room.write { try publication.publish() }
            if let front = order.front { try FrontFolder(path: front).write(outcome, of: model) }
            if let path = order.points {
                let folder = PointFolder(path: path, limitBytes: order.pointsLimitBytes)
                report.points = folder.write(outcome.points, of: model, progress: progress) {
                    ending.hasTime(for: $0 + EndRequest.margin)
                }
                report.warnings = progress.warnings
                if let search = order.search {
                    // Nobody needs it: another job would search anew.
                    try? checkpoints?.keepSearch(in: search, limitBytes: folder.room)
                }
            }
            report.close(progress)
            try room.write { try report.write(to: order.reports) }
            return CompressionResult(
                document: report.result, summary: report.summary, metBudget: outcome.metBudget)
        } catch {
            throw Problem(any: error)
        }
    }
}

extension EndRequest.Reason {
    fileprivate var words: String {
        switch self {
        case .finish: "the search was ended on request"
        case .deadline: "the search was ended for the deadline"
        }
    }
}

extension CompressionReport {
    /// Records the time and memory of the finished work, and the course of its training.
    fileprivate mutating func close(_ progress: CompressionProgress) {
        progress.end()
        (spent, seconds, course) = (progress.spent, progress.elapsedSeconds, progress.course)
    }
}

extension Problem {
    /// Lists the reason why each candidate and each refused run was kept.
    fileprivate init(nothingToCollapse outcome: Collapser.Outcome, in model: SourceModel) {
        let reasons =
            outcome.layers.map { "\($0.name): \($0.reason ?? "")" }
            + outcome.refusals.map { "\($0.name): \($0.reason)" }
            + [outcome.integers?.reason].compactMap { $0.map { "integer weights: \($0)" } }
        self.init(
            .nothingToCollapse,
            reasons.isEmpty
                ? "\(model.name) has no two linear layers with an activation between them"
                : "\(model.name): no layers were collapsed: " + reasons.prefix(5).joined(separator: "; ")
                    + (reasons.count > 5 ? "; and \(reasons.count - 5) more" : ""),
            hint: outcome.layers.isEmpty
                ? nil
                : outcome.points.isEmpty && outcome.layers.contains { $0.slope != nil }
                    ? "give --data: with samples, labels or not, layers are fitted and not only merged"
                    : "allow a larger max_disagreement, threshold or more training steps",
            pointer: "/model")
        details = reasons.map { Problem.Detail(pointer: "/model", detail: $0) }
    }
}
