import Compute
import Glibc
import Model

/// Samples that training does not use, and the original's outputs on them: every decision is measured on these.
struct HeldOut {
    /// The measures of a network.
    struct Measurement {
        /// The comparison of the output of the task with the original's.
        let comparison: Comparison
        /// The comparisons of all other outputs.
        var others: [Comparison] = []
        /// The metrics of the output of the task; nil without labels, or with labels that do not apply to it.
        let metrics: Metrics?

        /// The damage of the output that suffers most.
        var damage: Double { others.map(\.damage).reduce(comparison.damage, max) }
    }

    let samples: Dataset
    let task: PredictionTask
    private let others: [PredictionTask]
    private let originals: [Tensor]
    private let mask: Tensor?

    init(_ samples: Dataset, original graph: Graph, task: PredictionTask) throws(ModelError) {
        (self.samples, self.task, others) = (samples, task, task.others(in: graph))
        originals = try graph.outputs(of: ([task] + others).map { $0.logits(of: graph) }, for: samples)
        mask = try samples.mask()
    }

    func comparison(with graph: Graph) throws(ModelError) -> Comparison { try measured(graph).comparison }

    /// The metrics of the original; nil as in ``Measurement/metrics``.
    var originalMetrics: Metrics? { metrics(of: originals[0], labels: samples.labels) }

    /// Measures a network.
    ///
    /// - Parameters:
    ///   - graph: a network, or the part of one after known values.
    ///   - inputs: the same samples with those values, for a part of a network.
    /// - Returns: the comparisons with the original's outputs, and the metrics.
    /// - Throws: ``ModelError``.
    func measured(_ graph: Graph, on inputs: Dataset? = nil) throws(ModelError) -> Measurement {
        let tasks = [task] + others
        var outputs = try graph.outputs(of: tasks.map { $0.logits(of: graph) }, for: inputs ?? samples)
        for (index, task) in tasks.enumerated() where task.areProbabilities(in: graph) {
            // The softmax of the logarithms of probabilities is the probabilities again.
            outputs[index] = try computing { () throws -> Tensor in
                try Tensor(outputs[index].floats.map { log(max($0, .leastNormalMagnitude)) }, outputs[index].shape)
            }
        }
        var comparisons = zip(tasks, zip(originals, outputs)).map { task, pair in
            Comparison(pair.0, pair.1, task, counting: mask, samples: samples.count)
        }
        return Measurement(
            comparison: comparisons.removeFirst(), others: comparisons,
            metrics: metrics(of: outputs[0], labels: samples.labels))
    }

    private func metrics(of outputs: Tensor, labels: Tensor?) -> Metrics? {
        guard let labels, (labels.type == .int64) == task.kind.hasClasses else { return nil }
        return Metrics(outputs, labels: labels, task)
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
