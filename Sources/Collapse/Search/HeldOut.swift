package import Compute
import Glibc
package import Model

/// Samples that training does not use, and the original's outputs on them: every decision is measured on these, and what
/// is certified on others.
package struct HeldOut {
    /// The measures of a network.
    package struct Measurement: Sendable {
        /// The comparison of the output of the task with the original's.
        package let comparison: Comparison
        /// The comparisons of all other outputs.
        package var others: [Comparison] = []
        /// The metrics of the output of the task; nil without labels, or with labels that do not apply to it.
        package let metrics: Metrics?

        /// The comparisons of all outputs.
        package var comparisons: [Comparison] { [comparison] + others }
        /// The damage of the output that suffers most.
        var damage: Double { comparisons.map(\.damage).reduce(0, max) }
    }

    package let samples: Dataset
    /// The tasks of all outputs, that of the labels first.
    private let tasks: [PredictionTask]
    private let originals: [Tensor]
    private let mask: Tensor?

    package init(_ samples: Dataset, original graph: Graph, task: PredictionTask) throws(ModelError) {
        self.samples = samples
        tasks = task.all(in: graph)
        originals = try graph.outputs(of: tasks.map { $0.logits(of: graph) }, for: samples)
        mask = try samples.mask()
    }

    private init(_ samples: Dataset, _ tasks: [PredictionTask], _ originals: [Tensor]) throws(ModelError) {
        (self.samples, self.tasks, self.originals) = (samples, tasks, originals)
        mask = try samples.mask()
    }

    /// The first samples alone.
    func first(_ count: Int) throws(ModelError) -> HeldOut {
        guard count < samples.count else { return self }
        let some = originals.map { tensor in
            tensor.rows(0..<((tensor.shape.dimensions.first ?? 0) / samples.count * count))
        }
        return try HeldOut(samples.samples(0..<count), tasks, some)
    }

    /// The metrics of the original; nil as in ``Measurement/metrics``.
    package var originalMetrics: Metrics? { metrics(of: originals[0], labels: samples.labels) }

    func comparison(with graph: Graph) throws(ModelError) -> Comparison { try measured(graph).comparison }

    /// Measures a network.
    ///
    /// - Parameters:
    ///   - graph: a network of anyone's making with the original's outputs, or the part of one after known values.
    ///   - inputs: the same samples with those values, for a part of a network.
    /// - Returns: the comparisons with the original's outputs, and the metrics.
    /// - Throws: ``ModelError``.
    package func measured(_ graph: Graph, on inputs: Dataset? = nil) throws(ModelError) -> Measurement {
        measured(try outputs(of: graph, on: inputs))
    }

    /// The logits of each output that a network has for the samples, in the order of the tasks, as in
    /// ``measured(_:on:)``.
    ///
    /// - Throws: ``ModelError``.
    func outputs(of graph: Graph, on inputs: Dataset? = nil) throws(ModelError) -> [Tensor] {
        var outputs = try graph.outputs(of: tasks.map { $0.compared(in: graph) }, for: inputs ?? samples)
        for (index, task) in tasks.enumerated() where task.areProbabilities(in: graph) {
            outputs[index] = try computing { () throws -> Tensor in
                try Tensor(outputs[index].floats.map(task.logit), outputs[index].shape)
            }
        }
        return outputs
    }

    /// The outputs among tensors that were kept, by the names `name0`, `name1`, ...; nil unless all are there.
    func outputs(in tensors: [String: Tensor], named name: String) -> [Tensor]? {
        let found = originals.indices.compactMap { tensors["\(name)\($0)"] }
        let isWhole =
            found.count == originals.count
            && zip(found, originals).allSatisfy { $0.type == $1.type && $0.shape == $1.shape }
        return isWhole ? found : nil
    }

    /// Measures the logits of each output that a network has for the samples, in the order of its tasks.
    package func measured(_ outputs: [Tensor]) -> Measurement {
        var comparisons = zip(tasks, zip(originals, outputs)).map { task, pair in
            Comparison(pair.0, pair.1, task, counting: mask, samples: samples.count)
        }
        return Measurement(
            comparison: comparisons.removeFirst(), others: comparisons,
            metrics: metrics(of: outputs[0], labels: samples.labels))
    }

    private func metrics(of outputs: Tensor, labels: Tensor?) -> Metrics? {
        guard let labels, (labels.type == .int64) == tasks[0].kind.hasClasses else { return nil }
        return Metrics(outputs, labels: labels, tasks[0])
    }
}

extension PredictionTask {
    /// The logit of a probability; of a softmax, its logarithm, whose softmax is the probability again.
    fileprivate func logit(_ probability: Float) -> Float {
        let logarithm = log(max(probability, .leastNormalMagnitude))
        return kind == .multilabel ? logarithm - log(max(1 - probability, .leastNormalMagnitude)) : logarithm
    }
}

extension Graph {
    /// Computes one value for all samples.
    func outputs(of value: ValueID, for samples: Dataset) throws(ModelError) -> Tensor {
        try outputs(of: [value], for: samples)[0]
    }

    /// Computes values for all samples.
    func outputs(of values: [ValueID], for samples: Dataset) throws(ModelError) -> [Tensor] {
        try Inference(self, fetching: values).outputs(for: samples)
    }

    /// The value with a name of the document; nil unless exactly one has it.
    func value(named name: String) -> ValueID? {
        guard !name.isEmpty else { return nil }
        var found: ValueID?
        for value in values where self[value].name == name && parameterIndex(value) == nil {
            guard found == nil else { return nil }
            found = value
        }
        return found
    }
}
