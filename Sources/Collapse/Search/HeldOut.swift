import Compute
import Model

/// Samples that training does not use, and the original's logits on them: every decision is measured on these.
struct HeldOut {
    let samples: Dataset
    let task: PredictionTask
    private let original: Tensor
    private let mask: Tensor?

    init(_ samples: Dataset, original graph: Graph, task: PredictionTask) throws(ModelError) {
        (self.samples, self.task) = (samples, task)
        original = try graph.outputs(of: task.logits(of: graph), for: samples)
        mask = try samples.mask()
    }

    func comparison(with graph: Graph) throws(ModelError) -> Comparison { try measured(graph).comparison }

    /// The metrics of the original; nil as in ``measured(_:on:)``.
    var originalMetrics: Metrics? { metrics(of: original, labels: samples.labels) }

    /// Measures a network.
    ///
    /// - Parameters:
    ///   - graph: a network, or the part of one after known values.
    ///   - inputs: the same samples with those values, for a part of a network.
    /// - Returns: the comparison with the original's outputs, and the metrics: nil without labels, or with labels that
    ///   do not apply to such outputs.
    /// - Throws: ``ModelError``.
    func measured(
        _ graph: Graph, on inputs: Dataset? = nil
    ) throws(ModelError) -> (comparison: Comparison, metrics: Metrics?) {
        let outputs = try graph.outputs(of: task.logits(of: graph), for: inputs ?? samples)
        return (Comparison(original, outputs, task, counting: mask), metrics(of: outputs, labels: samples.labels))
    }

    private func metrics(of outputs: Tensor, labels: Tensor?) -> Metrics? {
        guard let labels, (labels.type == .int64) == (task.kind == .classification) else { return nil }
        return Metrics(outputs, labels: labels, task)
    }
}

extension Graph {
    /// Computes one value for all samples.
    func outputs(of value: ValueID, for samples: Dataset) throws(ModelError) -> Tensor {
        try Inference(self, fetching: [value]).outputs(for: samples)[0]
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
