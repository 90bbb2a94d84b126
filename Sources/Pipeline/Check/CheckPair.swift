import ByteText
import Collapse
import Compute
import Formats
import JobContract
import Model
import Options

/// The two networks of a check at one batch size, and the samples that measure them.
struct CheckPair {
    let old: SourceModel
    let new: SourceModel
    /// The names of the files, made different.
    let names: (old: String, new: String)
    let oldGraph: Graph
    let newGraph: Graph
    let samples: Dataset
    let task: PredictionTask
    /// The part of the data file that the samples are.
    let part: DatasetReader.Part
    let mapping: [String: String]
    let notes: [String]
    /// The differences between the files that are no reason against the new one, and the limits of the measures.
    let warnings: [(code: String, message: String)]

    /// True for samples that no network of the file was trained on, as far as the file tells.
    var isHeldOut: Bool { part != .training }
    /// The tasks of all outputs that are measured, that of the labels first.
    var tasks: [PredictionTask] { task.all(in: oldGraph) }

    /// Reads both files and the samples.
    ///
    /// - Throws: ``Problem`` for files that cannot be read, or that a caller can tell apart before any sample is run.
    init(_ order: CheckOrder) throws(Problem) {
        let options = order.options
        let old = try Self.read(order.old, "old")
        let new = try Self.read(order.new, "new")
        let isSame = old.name == new.name
        let names = (old: isSame ? "the old \(old.name)" : old.name, new: isSame ? "the new \(new.name)" : new.name)
        let data = try SourceData(
            order.data, labelsKey: options.labels, inputKeys: options.inputKeys, output: options.output,
            options: options)
        let declared = Interface(declaredBy: new.document).differences(
            from: Interface(declaredBy: old.document), names: (names.new, names.old))
        try Self.refuse(declared, names)
        let fixed = old.document.fixedBatch ?? new.document.fixedBatch
        let byRun = [old, new].compactMap(\.runByRunNote)
        var batch = fixed ?? options.batchSize ?? (byRun.isEmpty ? CompressionData.defaultBatchSize : 1)
        var oldGraph = try old.graph(batch: batch, data: data)
        try CompressionData.checkOutputs(of: oldGraph, in: old)
        try CompressionData.check(options.outputs, of: oldGraph)
        let found = try data.measuring(for: oldGraph)
        if fixed == nil, options.batchSize == nil, found.samples.count < batch {
            batch = found.samples.count
            oldGraph = try old.graph(batch: batch, data: data)
        }
        let newGraph: Graph
        do { newGraph = try new.graph(batch: batch, data: data) } catch { throw error.about("/new") }
        let lowered = Interface(newGraph, of: new.document).differences(
            from: Interface(oldGraph, of: old.document), names: (names.new, names.old))
        try Self.refuse(lowered, names)

        var notes = found.notes + (fixed == nil && options.batchSize == nil ? byRun : [])
        var samples = found.samples
        let output = options.output ?? found.output
        if options.isCausal, let output = oldGraph.output(named: output)?.value {
            let causal = try samples.causal(for: oldGraph, output: output)
            samples = causal.samples
            if let note = causal.note { notes.append(note) }
        }
        notes += data.scalars(of: old.document.scalarInputs).keys.sorted().map {
            "the input '\($0)' has the value of its key for all samples"
        }
        let rest = Set(old.document.model.outputs.map(\.name)).subtracting(oldGraph.outputs.map(\.name)).sorted()
        if !rest.isEmpty { notes.append(old.notRun(rest) + "; what they are computed from is measured") }
        task = PredictionTask(of: oldGraph, labels: samples.labels, options: options, output: output)
        (self.old, self.new, self.names, self.samples, self.notes) = (old, new, names, samples, notes)
        (self.oldGraph, self.newGraph, part, mapping) = (oldGraph, newGraph, found.part, found.mapping)
        warnings = Self.warnings(old, new, names, isHeldOut: found.part != .training, data: data.name)
        try options.checkLimits(of: tasks, in: oldGraph, labels: samples.labels)
        try checkLabels(options)
        try checkOutputs()
        do { try requireMemory(order, data) } catch { throw Problem(any: error) }
    }

    private static func read(_ path: String, _ part: String) throws(Problem) -> SourceModel {
        do { return try SourceModel(path, readsQuantized: true) } catch { throw error.about("/" + part) }
    }

    private static func refuse(_ differences: [String], _ names: (old: String, new: String)) throws(Problem) {
        guard !differences.isEmpty else { return }
        var problem = Problem(
            .shapeMismatch,
            "\(names.new) cannot take the place of \(names.old): " + differences.prefix(5).joined(separator: "; ")
                + (differences.count > 5 ? "; and \(differences.count - 5) more" : ""),
            hint: "export it with the same names, types and sizes of inputs and outputs", pointer: "/new")
        problem.details = differences.map { Problem.Detail(pointer: "/new", detail: $0) }
        throw problem
    }

    /// Checks that each output that is measured in the old network is in the new one, and ends alike.
    private func checkOutputs() throws(Problem) {
        let measured = newGraph.measuredOutputs
        var differences: [String] = []
        for task in tasks {
            guard let value = oldGraph.output(named: task.output)?.value,
                let other = measured.first(where: { $0.name == task.output })?.value
            else {
                throw Problem(
                    .unsupportedOperator,
                    "\(names.new): its output '\(task.output)' cannot be measured; \(new.notRun([task.output]))",
                    hint: "export it with the operators of \(names.old)", pointer: "/new")
            }
            guard oldGraph.shape(value) == newGraph.shape(other) else {
                differences.append(
                    "what '\(task.output)' is computed from is \(oldGraph.shape(value)) in \(names.old) and "
                        + "\(newGraph.shape(other)) in \(names.new)")
                continue
            }
            // The classes would be the same, and every probability another.
            guard task.compared(in: newGraph) == other, task.logits(of: newGraph) != other else { continue }
            let word = task.kind == .multilabel ? "sigmoid" : "softmax"
            differences.append("the output '\(task.output)' ends in a \(word) in \(names.new) and not in \(names.old)")
        }
        try Self.refuse(differences, names)
    }

    /// Checks that outputs that are probabilities in the old network are in the new one, where its last op does not tell.
    ///
    /// - Throws: ``Problem`` for values beyond 0 and 1.
    func checkProbabilities() throws {
        let some = samples.samples(0..<min(samples.count, CompressionData.defaultBatchSize))
        for task in tasks {
            guard let before = oldGraph.output(named: task.output)?.value, task.logits(of: oldGraph) != before,
                let after = newGraph.output(named: task.output)?.value, task.compared(in: newGraph) == after
            else { continue }
            let values = try Inference(newGraph, fetching: [after]).outputs(for: some)[0].floats
            guard values.contains(where: { $0 < -1e-3 || $0 > 1.001 }) else { continue }
            try Self.refuse(
                ["the output '\(task.output)' holds probabilities in \(names.old) and other numbers in \(names.new)"],
                names)
        }
    }

    /// Checks that the labels measure the output where a limit asks them to.
    private func checkLabels(_ options: JobOptions) throws(Problem) {
        guard options.limitsMetric, let labels = samples.labels else { return }
        let areClasses = labels.type == .int64
        guard areClasses == task.kind.hasClasses else {
            throw Problem(
                .shapeMismatch,
                "the labels are \(areClasses ? "classes" : "numbers"), and the output '\(task.output)' is taken as "
                    + task.kind.rawValue, hint: "say the task of the output", pointer: "/task")
        }
        guard options.maxClassDrop == nil || areClasses else {
            throw Problem(
                .datasetKeyMismatch, "max_class_drop needs classes as labels, and the labels are numbers",
                hint: "use max_metric_drop", pointer: "/max_class_drop")
        }
    }

    private static func warnings(
        _ old: SourceModel, _ new: SourceModel, _ names: (old: String, new: String), isHeldOut: Bool, data: String
    ) -> [(code: String, message: String)] {
        var warnings: [(code: String, message: String)] = []
        if !isHeldOut {
            warnings.append(
                (
                    "training_samples",
                    "\(data) has nothing but a training split: on samples that a network was trained on it changes less "
                        + "than on others"
                ))
        }
        switch (old.document.fixedBatch, new.document.fixedBatch) {
        case (nil, let batch?):
            warnings.append(("fixed_batch", "\(names.new) takes \(batch) samples a run, and \(names.old) any number"))
        case (let batch?, let other?) where batch != other:
            warnings.append(("fixed_batch", "\(names.new) takes \(other) samples a run, and \(names.old) \(batch)"))
        default: break
        }
        for (model, name) in [(old, names.old), (new, names.new)] where model.document.isQuantized {
            warnings.append(
                (
                    "quantized_model",
                    "\(name) is quantized and run at the precision of floats: its latency here is not that of integers"
                ))
        }
        for input in old.document.model.inputs {
            guard let other = new.document.model.inputs.first(where: { $0.name == input.name }),
                other.elementType != input.elementType
            else { continue }
            let types = [other, input].map { ElementType.name(onnx: $0.elementType) }
            warnings.append(
                (
                    "other_precision",
                    "the input '\(input.name)' is \(types[0]) in \(names.new) and \(types[1]) in \(names.old)"
                ))
        }
        return warnings
    }

    /// Checks that both networks and their outputs fit into memory.
    private func requireMemory(_ order: CheckOrder, _ data: SourceData) throws {
        let bytes = DataBytes([data])
        let other = try MemoryEstimate(
            running: newGraph, samples: samples.count, data: DataBytes(), modelBytes: new.byteCount)
        let work = MemoryRemedies(model: old, graph: oldGraph) { graph in
            var estimate = try MemoryEstimate(
                running: graph, samples: samples.count, data: bytes, modelBytes: old.byteCount)
            estimate.heapBytes += other.heapBytes
            estimate.mappedBytes += other.mappedBytes
            estimate.opCount += other.opCount
            return estimate
        }
        try work.require(MemoryLimit(order.memoryLimitBytes))
    }
}

extension Problem {
    /// The problem with a pointer to the file that it is about.
    fileprivate func about(_ place: String) -> Problem {
        var problem = self
        problem.pointer = place + (pointer.map { $0.startsWithBytes(of: "/model") ? $0.dropBytes(6) : "" } ?? "")
        return problem
    }
}
