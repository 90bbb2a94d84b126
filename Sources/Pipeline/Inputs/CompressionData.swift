import Collapse
import Compute
import Formats
import Foundation
import JobContract
import Model
import Options

/// The input of a compression: the network at its batch size, and the samples by purpose.
struct CompressionData {
    let graph: Graph
    let samples: Samples?
    /// Samples that only certify, never fit, train or decide; nil without data.
    let validation: Dataset?
    /// True when the certifying samples are of a part of the data that the user set aside, and not of the same part as
    /// those that the network may have been trained on.
    let hasOwnSplit: Bool
    let task: PredictionTask
    let mapping: [String: String]
    /// The numbers of inputs without axes.
    let scalars: [String: Tensor]
    let notes: [String]
    let trainingCount: Int
    /// The sample counts; nil without data.
    let counts: SampleCounts?
    let bytes: DataBytes

    /// The tasks of all outputs that are measured, that of the labels first.
    var tasks: [PredictionTask] { task.all(in: graph) }

    static let defaultBatchSize = 64

    /// Samples per run.
    var batchSize: Int { graph.batchSize }

    /// The number of runs of the network per training batch.
    func runsPerStep(_ options: JobOptions) -> Int {
        graph.runsPerStep(batch: options.batchSize ?? batchSize, samples: samples?.training.count ?? 0)
    }

    /// - Parameters:
    ///   - model: the network's document.
    ///   - order: the files and options of the job.
    ///   - options: the checked options of `order`, with a method.
    /// - Throws: ``Problem`` for data that do not fit the model, or options that do not fit the data.
    init(_ model: SourceModel, _ order: CompressionOrder, _ options: JobOptions) throws(Problem) {
        guard let path = order.data else {
            graph = try model.graph(batch: 1)
            try Self.checkOutputs(of: graph, in: model)
            (samples, validation, mapping, notes, trainingCount) = (nil, nil, [:], [], 0)
            (counts, bytes, hasOwnSplit, scalars) = (nil, DataBytes(), false, [:])
            task = PredictionTask(of: graph, options: options, output: options.outputs.first)
            try check(options, labels: nil)
            return
        }
        let source = try SourceData(
            path, labelsKey: order.options.labels, inputKeys: order.options.inputKeys,
            output: order.options.output, options: options)
        var graph = try model.graph(batch: options.batchSize ?? Self.defaultBatchSize, data: source)
        try Self.checkOutputs(of: graph, in: model)
        try Self.check(options.outputs, of: graph)
        var split = try source.split(for: graph, seed: options.seed)
        var training = split.training
        var validation = split.validation
        var files = [source]
        var hasOwnSplit = split.hasOwnSplit
        if let path = order.validationData {
            hasOwnSplit = true
            let other = try SourceData(
                path, labelsKey: order.options.labels, inputKeys: order.options.inputKeys,
                output: order.options.output ?? split.output, options: options)
            validation = try other.validation(for: graph)
            files.append(other)
            if !split.hasOwnSplit, let whole = try source.part(.unsplit, for: graph, withLabels: true) {
                training = whole
            }
        }
        let output = options.outputs.first ?? split.output
        if options.isCausal, let output = graph.output(named: output)?.value {
            let causal = try training.causal(for: graph, output: output)
            (training, validation) = (causal.samples, try validation.causal(for: graph, output: output).samples)
            if let note = causal.note { split.notes.append(note) }
        }
        guard training.count >= 2 else {
            throw Problem(
                .shapeMismatch, "\(source.name) has \(training.count) training samples; at least 2 are needed",
                pointer: "/data")
        }
        let parts: Samples
        var deciding: Dataset?
        do {
            if order.validationData != nil {
                let kept = validation.distinct(besides: training)
                if kept.isEmpty {
                    throw Problem(
                        .invalidData, "every sample of validation_data is a copy of a training sample",
                        pointer: "/validation_data")
                }
                if kept.count < validation.count {
                    split.notes.append(
                        "\(validation.count - kept.count) of \(validation.count) samples of validation_data are copies and do "
                            + "not count")
                    validation = try validation.samples(kept)
                }
            }
            if hasOwnSplit, !options.decidesNothing {
                (deciding, validation) = try validation.divided(seed: options.seed)
            }
            parts = try Samples(
                training, deciding: deciding, calibrationCount: options.calibrationSamples,
                keepsAll: options.decidesNothing, seed: options.seed)
        } catch {
            throw Problem(any: error)
        }
        let rest = Set(model.document.model.outputs.map(\.name)).subtracting(graph.outputs.map(\.name)).sorted()
        if !rest.isEmpty { split.notes.append(model.notRun(rest) + "; what they are computed from is measured") }
        if options.batchSize == nil, parts.training.count < Self.defaultBatchSize {
            graph = try model.graph(batch: parts.training.count, data: source)
        }
        (self.graph, self.validation, self.hasOwnSplit, samples) = (graph, validation, hasOwnSplit, parts)
        scalars = source.scalars(of: model.document.scalarInputs)
        split.notes += scalars.keys.sorted().map { "the input '\($0)' has the value of its key for all samples" }
        (mapping, notes, trainingCount) = (split.mapping, split.notes, training.count)
        counts = SampleCounts(
            training.count, deciding: deciding?.count, validation: validation.count, options)
        bytes = DataBytes(files)
        task = PredictionTask(of: graph, labels: training.labels, options: options, output: output)
        try check(options, labels: training.labels)
    }

    static func checkOutputs(of graph: Graph, in model: SourceModel) throws(Problem) {
        guard graph.measuredOutputs.isEmpty else { return }
        throw Problem(
            .invalidONNX, "\(model.name) has no output that holds numbers for each sample", pointer: "/model")
    }

    /// Checks that each of the names is an output of numbers.
    static func check(_ names: [String], of graph: Graph) throws(Problem) {
        for name in names {
            let output = graph.outputs.first { $0.name == name }
            guard output.map({ graph.type($0.value).element == .float32 }) ?? false else {
                let known = graph.outputs.filter { graph.type($0.value).element == .float32 }.map(\.name)
                throw Problem(
                    .invalidOption,
                    "the model has no output '\(name)' of numbers: it has \(known.joined(separator: ", "))",
                    pointer: "/outputs")
            }
        }
    }

    /// Checks that `include` names a block.
    func checkIncluded(_ options: JobOptions) throws(Problem) {
        guard !options.include.isEmpty else { return }
        let names: [String]
        do throws(ModelError) {
            let (merged, blocks) = try graph.mergedExactly(JobOptions(), isComputed: false)
            names =
                blocks.map(\.name)
                + (options.choosesReplacements
                    ? Sites(in: merged).found.map(\.name) : Candidates(in: merged).found.map(\.name))
        } catch {
            throw Problem(error)
        }
        guard !names.isEmpty else { return }
        guard !names.contains(where: options.includes) else { return }
        throw Problem(
            .invalidOption, "include matches no block: the model has \(names.prefix(12).joined(separator: ", "))",
            pointer: "/include")
    }

    private func check(_ options: JobOptions, labels: Tensor?) throws(Problem) {
        let needsLabels = options.finetune.usesLabels
        if labels == nil, needsLabels {
            throw Problem(
                .datasetKeyMismatch, "finetune=\(options.finetune.rawValue) needs labels, and the data have none",
                hint: "name a key y, or use finetune=self_distill", pointer: "/finetune")
        }
        try options.checkLimits(of: tasks, in: graph, labels: labels)
        if task.kind.hasClasses, !task.hasClassesLast, needsLabels {
            throw Problem(
                .shapeMismatch,
                "finetune=\(options.finetune.rawValue) does not train classes along axis \(task.classAxis) yet",
                hint: "use finetune=self_distill", pointer: "/finetune")
        }
        let usesLabels = needsLabels || options.limitsMetric
        if let labels, labels.type == .int64, !task.kind.hasClasses, usesLabels {
            throw Problem(
                .shapeMismatch, "the labels are classes, which loss=\(options.loss.rawValue) does not take",
                hint: "use loss=cross_entropy", pointer: "/loss")
        }
        if let labels, labels.type == .float32, task.kind.hasClasses, usesLabels {
            throw Problem(
                .shapeMismatch, "the labels are numbers, which loss=\(options.loss.rawValue) does not take",
                hint: "use loss=mse", pointer: "/loss")
        }
    }
}

extension CompressionData {
    /// Checks that the work fits into its memory limit.
    ///
    /// - Throws: ``Problem`` that names the changes that would fit.
    func requireMemory(_ model: SourceModel, _ order: CompressionOrder, _ options: JobOptions) throws {
        let modelBytes = model.byteCount
        func estimate(_ graph: Graph, _ options: JobOptions) throws -> MemoryEstimate {
            try MemoryEstimate(
                compressing: graph, task, counts, options, data: bytes, modelBytes: modelBytes)
        }
        let trainsLess = MemoryLimit.Remedy(kind: "train", words: "train=collapsed") {
            var less = options
            less.train = .collapsed
            return try estimate(graph, less)
        }
        try MemoryRemedies(model: model, graph: graph) { try estimate($0, options) }
            .require(MemoryLimit(order.memoryLimitBytes), others: options.train == .collapsed ? [] : [trainsLess])
    }
}
