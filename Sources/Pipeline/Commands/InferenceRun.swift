import ByteText
import Compute
import Formats
import Foundation
package import JobContract
import Model
import SystemCalls

/// Plain inference: every output of a model for every sample of a file.
package struct InferenceRun: Sendable {
    /// Paths of the model, the data and the output.
    package var model: String
    package var data: String
    package var output: String
    /// Path of the timing file.
    package var timing: String?
    /// Samples per run, when the model leaves the batch size open.
    package var batchSize: Int?
    /// Passes over the samples; more than one only improves the timing.
    package var passes: Int
    package var threads: Int?
    /// The data key of each model input.
    package var inputKeys: [String: String]
    /// The memory limit; nil means what the machine has left.
    package var memoryLimitBytes: Int?

    package static let defaultBatchSize = 64

    package init(
        model: String, data: String, output: String, timing: String? = nil, batchSize: Int? = nil, passes: Int = 1,
        threads: Int? = nil, inputKeys: [String: String] = [:]
    ) {
        (self.model, self.data, self.output, self.timing, self.batchSize) = (model, data, output, timing, batchSize)
        (self.passes, self.threads, self.inputKeys) = (passes, threads, inputKeys)
    }

    /// Runs the model and writes an `.npz` with one array for each output, by its name.
    ///
    /// - Parameter emit: receives events about the samples used and the progress.
    /// - Returns: the last line to print.
    /// - Throws: ``Problem`` for files that are invalid or do not fit each other; nothing is written then.
    package func run(emit: EventSink) throws(Problem) -> String {
        Processor.useThreads(threads)
        let source = try SourceModel(model, readsQuantized: true)
        let samples = try SourceData(data, inputKeys: inputKeys)
        if let note = source.runByRunNote, batchSize == nil { emit(WorkEvent(.log, note)) }
        let standard = source.document.quantizesByRun ? 1 : Self.defaultBatchSize
        var graph = try source.graph(batch: batchSize ?? standard, data: samples)
        let (dataset, part) = try self.samples(of: samples, for: graph)
        emit(WorkEvent(.log, "\(samples.name): \(part), \(dataset.count) samples"))
        if batchSize == nil, dataset.count < standard {
            graph = try source.graph(batch: dataset.count, data: samples)
        }
        let bytes = DataBytes([samples])
        let work = MemoryRemedies(model: source, graph: graph) { graph in
            try MemoryEstimate(running: graph, samples: dataset.count, data: bytes, modelBytes: source.byteCount)
        }
        do { try work.require(MemoryLimit(memoryLimitBytes)) } catch { throw Problem(any: error) }
        let publication = try AtomicOutput.opening(output)
        do {
            let (results, clock) = try Self.outputs(of: graph, for: dataset, passes: passes, emit: emit)
            let own = Set(source.document.model.outputs.map(\.name))
            let arrays = try zip(graph.outputs, results).filter { own.contains($0.0.name) }.map { output, result in
                let axis = graph.sampleAxis(ofOutput: output.value)
                return (name: output.name, tensor: axis == 0 ? result : try result.exchangingAxes())
            }
            let rest = own.subtracting(arrays.map(\.name)).sorted()
            if !rest.isEmpty { emit(.warning(code: "not_run", message: source.notRun(rest))) }
            try NPZ.write(arrays, to: publication.file)
            try publication.publish()
            if let timing { try AtomicOutput.write(clock.document.text(indented: true) + "\n", to: timing) }
            let names = arrays.map(\.name).joined(separator: ", ")
            let file = URL(filePath: output).lastPathComponent
            return
                "\(file)  \(dataset.count) samples  \(names)  \(NumberFormat.fixed(clock.elapsedSeconds, digits: 1)) s"
        } catch {
            throw Problem(any: error)
        }
    }

    /// The samples to run: the unsplit arrays, else the validation split, else the training split.
    private func samples(of data: SourceData, for graph: Graph) throws(Problem) -> (Dataset, part: String) {
        let parts: [(DatasetReader.Part, String)] = [
            (.unsplit, "all of it"), (.validation, "the test split"), (.training, "the training split"),
        ]
        for (part, name) in parts {
            if let samples = try data.part(part, for: graph, withLabels: false) { return (samples, name) }
        }
        // Throws the error that names the missing keys.
        return (try data.split(for: graph, seed: 0).training, "the training split")
    }

    /// Each output for all samples, `[samples, ...]`.
    private static func outputs(
        of graph: Graph, for dataset: Dataset, passes: Int, emit: EventSink
    ) throws -> (results: [Tensor], clock: StepClock) {
        let constants = graph.constantOutputs
        let varying = graph.outputs.filter { output in !constants.contains { $0.value == output.value } }
        let inference = try Inference(graph, fetching: varying.map(\.value))
        let batchSize = inference.batchSize
        var results: [Tensor] = []
        for output in varying {
            let shape = graph.shape(output.value)
            guard let rows = shape.dimensions.first, rows.isMultiple(of: batchSize) else {
                throw Problem(
                    .shapeMismatch,
                    "output '\(output.name)' of shape \(shape) has no axis of samples, \(batchSize) a run",
                    pointer: "/model")
            }
            let (total, overflow) = (rows / batchSize).multipliedReportingOverflow(by: dataset.count)
            guard !overflow else { throw Problem(MemoryError(byteCount: .max)) }
            let whole = try Shape([total] + shape.dimensions.dropFirst())
            results.append(try Tensor(graph.type(output.value).element, zeros: whole))
        }
        emit(WorkEvent(.phase, "running", data: ["phase": "running"]))
        let (steps, tooMany) = ((dataset.count + batchSize - 1) / batchSize).multipliedReportingOverflow(by: passes)
        guard !tooMany else {
            throw Problem(.invalidOption, "\(passes) passes are more than can be counted", pointer: "/repeat")
        }
        var step = 0
        var clock = StepClock(batchSize: batchSize)
        for _ in 0..<passes {
            try inference.forEachBatch(of: dataset) { range, values in
                for (result, value) in zip(results, values) {
                    let rows = value.shape[0] / range.count
                    result.rows((range.lowerBound * rows)..<(range.upperBound * rows)).copy(from: value)
                }
                step += 1
                clock.stepEnded(samples: range.count)
                emit(.progress("running", step: step, of: steps, samplesPerSecond: clock.samplesPerSecond))
            }
        }
        // Constant outputs are computed once, without an axis of samples.
        let plan = try ExecutionPlan(graph, fetching: constants.map(\.value))
        plan.run()
        var rest = results[...]
        let all = try graph.outputs.map { output in
            constants.contains { $0.value == output.value }
                ? try plan.tensor(output.value).clone() : rest.removeFirst()
        }
        return (all, clock)
    }
}

extension WorkEvent {
    /// A progress event of a phase.
    static func progress(_ phase: String, step: Int, of steps: Int, samplesPerSecond: Double?) -> WorkEvent {
        let fraction = steps > 0 ? Double(step) / Double(steps) : 0
        return WorkEvent(
            .progress, "\(phase) \(step)/\(steps)",
            data: [
                "fraction": .double(fraction), "phase": .string(phase), "step": .int(step), "steps": .int(steps),
                "samples_per_second": JSONValue(samplesPerSecond),
            ])
    }
}
