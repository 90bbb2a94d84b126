import ByteText
import Collapse
import Compute
import Formats
import Foundation
package import JobContract
import Model
package import Options
import SystemCalls

/// Plain fine-tuning of every parameter by labels, as a baseline for a compression.
package struct TrainingRun: Sendable {
    /// Paths of the model, the data and the output.
    package var model: String
    package var data: String
    package var output: String
    /// Path of the file with the loss before each step.
    package var trace: String?
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

    /// Trains and writes the model: the same document with new values in the initializers that changed.
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
        let (objective, labelled) = try options.objective(for: graph, on: dataset, file: samples.name)
        let trainable = Set(graph.parameters.indices.filter { graph.parameters[$0].isTrainable })
        guard !trainable.isEmpty else {
            throw Problem(.invalidONNX, "\(source.name) has no parameters to train", pointer: "/model")
        }
        let runs = graph.runsPerStep(batch: wanted, samples: labelled.count)
        if let warning = source.fixedBatchWarning(runsPerStep: runs) { emit(warning) }
        let batchSize = graph.batchSize * runs
        let plan = TrainingPlan.supervised(options, stepsPerEpoch: labelled.count / batchSize)
            .options(seed: options.seed, isShuffled: options.shuffle, runsPerStep: runs)
        do {
            let bytes = DataBytes([samples])
            let work = MemoryRemedies(model: source, graph: graph) { graph in
                let (objective, _) = try options.objective(for: graph, on: dataset, file: samples.name)
                return try MemoryEstimate(
                    training: graph, objective, trainable: trainable, samples: labelled.count, plan, data: bytes,
                    modelBytes: source.byteCount)
            }
            try work.require(MemoryLimit(memoryLimitBytes))
        } catch {
            throw Problem(any: error)
        }

        let publication = try AtomicOutput.opening(output)
        emit(WorkEvent(.phase, "training", data: ["phase": "training"]))
        var losses: [Double] = []
        var clock = StepClock(batchSize: batchSize)
        do {
            let trained = try graph.trained(objective, trainable: trainable, on: labelled, options: plan) {
                trainer, loss in
                losses.append(Double(loss))
                clock.stepEnded(samples: batchSize)
                emit(
                    .progress("training", step: trainer.step, of: plan.steps, samplesPerSecond: clock.samplesPerSecond))
            }
            try source.document.write(source.changedNumbers(in: trained), to: publication.file)
            try publication.publish()
            if let trace {
                let document: JSONValue = ["losses": .array(losses.map(JSONValue.double))]
                try AtomicOutput.write(document.text() + "\n", to: trace)
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
