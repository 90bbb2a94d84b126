import ByteText
import Collapse
import Compute
import Formats
import Foundation
package import JobContract
import Model
package import Options
import SystemCalls

/// A plain training of every parameter by labels: the baseline for a compression, or with a regularizer what prepares a
/// network for one.
package struct TrainingRun: Sendable {
    /// Paths of the model, the data and the output.
    package var model: String
    package var data: String
    package var output: String
    /// Path of the file with the loss before each step, and the slopes after it.
    package var trace: String?
    /// Path of the report.
    package var report: String?
    package var regularizer: Regularizer?
    /// Path of the timing file.
    package var timing: String?
    package var options: JobOptions
    /// The memory limit; nil means what the machine has left.
    package var memoryLimitBytes: Int?

    package init(
        model: String, data: String, output: String, trace: String? = nil, timing: String? = nil, options: JobOptions
    ) {
        (self.model, self.data, self.output, self.trace, self.timing) = (model, data, output, trace, timing)
        self.options = options
    }

    /// Trains and writes the model: the same document with new values in the initializers that changed, and with a
    /// regularizer a PReLU in each block.
    ///
    /// - Parameter emit: receives the progress events.
    /// - Returns: the last line to print.
    /// - Throws: ``Problem`` for files that are invalid or do not fit each other; nothing is written then.
    package func run(emit: EventSink) throws(Problem) -> String {
        Processor.useThreads(options.threads)
        let source = try SourceModel(model)
        let samples = try SourceData(
            data, labelsKey: options.labels, inputKeys: options.inputKeys, output: options.output, options: options)
        let wanted = options.batchSize ?? CompressionData.defaultBatchSize
        var graph = try source.graph(batch: wanted, data: samples)
        let dataset = try trainingSamples(of: samples, for: graph)
        if options.batchSize == nil, source.document.fixedBatch == nil, dataset.count < wanted {
            graph = try source.graph(batch: dataset.count, data: samples)
        }
        let sloped = try regularizer?.applied(to: graph, options, model: source.name)
        let network = sloped?.graph ?? graph
        var (objective, labelled) = try options.objective(for: network, on: dataset, file: samples.name)
        guard !graph.trainable.isEmpty else {
            throw Problem(.invalidONNX, "\(source.name) has no parameters to train", pointer: "/model")
        }
        let runs = graph.runsPerStep(batch: wanted, samples: labelled.count)
        if let warning = source.fixedBatchWarning(runsPerStep: runs) { emit(warning) }
        let batchSize = graph.batchSize * runs
        let resolved = TrainingPlan.supervised(options, stepsPerEpoch: labelled.count / batchSize)
        let plan = resolved.options(seed: options.seed, isShuffled: options.shuffle, runsPerStep: runs)
        let slopes = sloped?.slopes ?? []
        objective.slopePenalties = sloped?.penalties(resolved.penalty) ?? []
        do {
            let bytes = DataBytes([samples])
            let work = MemoryRemedies(model: source, graph: graph) { graph in
                let (objective, _) = try options.objective(for: graph, on: dataset, file: samples.name)
                return try MemoryEstimate(
                    training: graph, objective, trainable: graph.trainable, samples: labelled.count, plan, data: bytes,
                    modelBytes: source.byteCount)
            }
            try work.require(MemoryLimit(memoryLimitBytes))
        } catch {
            throw Problem(any: error)
        }

        let publication = try AtomicOutput.opening(output)
        emit(WorkEvent(.phase, "training", data: ["phase": "training"]))
        var losses: [Double] = []
        var courses = slopes.map { _ in [Double]() }
        var clock = StepClock(batchSize: batchSize)
        do {
            let trained = try network.trained(objective, trainable: network.trainable, on: labelled, options: plan) {
                trainer, loss in
                losses.append(Double(loss))
                for (place, slope) in slopes.enumerated() {
                    courses[place].append(Double(trainer.parameter(slope.parameter)?.floats[0] ?? .nan))
                }
                clock.stepEnded(samples: batchSize)
                emit(
                    .progress("training", step: trainer.step, of: plan.steps, samplesPerSecond: clock.samplesPerSecond))
            }
            let edit =
                regularizer == nil ? source.changedNumbers(in: trained) : try source.document.edit(toMatch: trained)
            try source.document.write(edit, to: publication.file)
            try publication.publish()
            if let report {
                let heldOut = try samples.part(.validation, for: graph, withLabels: true)
                let measured = try heldOut.map { part in
                    let (objective, labelled) = try options.objective(for: trained, on: part, file: samples.name)
                    return try TrainingReport.Measured(trained, objective, on: labelled)
                }
                let document = TrainingReport(
                    model: source.name, options: plan, batchSize: batchSize,
                    regularizer: regularizer.map { ($0, resolved.penalty) },
                    training: try TrainingReport.Measured(trained, objective, on: labelled), heldOut: measured,
                    slopes: slopes.map { slope in
                        let values = [network, trained].map { $0.parameters[slope.parameter].tensor.floats[0] }
                        return (slope.layer, values[0], values[1])
                    }, seconds: clock.elapsedSeconds
                ).document
                try AtomicOutput.write(document.text(indented: true) + "\n", to: report)
            }
            if let trace {
                var document = JSONValue.Object([("losses", .array(losses.map(JSONValue.double)))])
                if regularizer != nil {
                    let members = zip(slopes, courses).map { ($0.layer, JSONValue.array($1.map(JSONValue.double))) }
                    document["slopes"] = .object(JSONValue.Object(members))
                }
                try AtomicOutput.write(JSONValue.object(document).text() + "\n", to: trace)
            }
            if let timing { try AtomicOutput.write(clock.document.text(indented: true) + "\n", to: timing) }
        } catch {
            throw Problem(any: error)
        }
        let name = URL(filePath: output).lastPathComponent
        let change = [losses.first, losses.last].map { NumberFormat.fixed($0 ?? .nan, digits: 4) }.joined(
            separator: " -> ")
        return "\(name)  \(losses.count) steps of \(batchSize)  loss \(change)  "
            + "\(NumberFormat.fixed(clock.elapsedSeconds, digits: 1)) s"
    }

    /// The training split, or all of a file without splits: nothing is held out, because nothing is measured.
    private func trainingSamples(of data: SourceData, for graph: Graph) throws(Problem) -> Dataset {
        for part in [DatasetReader.Part.training, .unsplit] {
            if let samples = try data.part(part, for: graph, withLabels: true) { return samples }
        }
        // Throws the error that names the missing keys.
        return try data.split(for: graph, seed: options.seed).training
    }
}

extension Graph {
    /// The indices of the parameters that training may change.
    fileprivate var trainable: Set<Int> { Set(parameters.indices.filter { parameters[$0].isTrainable }) }
}

extension SourceModel {
    /// The initializers changed by training. Unused initializers stay in the file.
    ///
    /// - Parameter trained: a graph lowered from this document.
    /// - Returns: an edit that touches initializers alone.
    func changedNumbers(in trained: Graph) -> ONNXEdit {
        var edit = ONNXEdit()
        for parameter in trained.parameters where parameter.isTrainable {
            guard let original = document.weights[parameter.name], original.storage !== parameter.tensor.storage,
                original.shape.elementCount == parameter.tensor.shape.elementCount
            else { continue }
            edit.changedInitializers[parameter.name] = parameter.tensor.reshaped(original.shape)
        }
        return edit
    }
}
