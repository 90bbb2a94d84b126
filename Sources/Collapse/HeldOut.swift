import Compute
import Model

/// Samples that training does not see, and the original's logits on them: what every decision is measured by.
struct HeldOut {
    let samples: Dataset
    let task: PredictionTask
    private let original: Tensor
    private let mask: Tensor?

    init(_ samples: Dataset, original graph: Graph, task: PredictionTask) throws(ModelError) {
        self.samples = samples
        self.task = task
        original = try graph.outputs(of: task.logits(of: graph), for: samples)
        mask = try samples.mask()
    }

    func comparison(with graph: Graph) throws(ModelError) -> Comparison {
        Comparison(original, try graph.outputs(of: task.logits(of: graph), for: samples), task, counting: mask)
    }

    /// Nil without labels, or with labels that say nothing of such outputs.
    func metrics(of graph: Graph) throws(ModelError) -> Metrics? {
        guard let labels = samples.labels, (labels.type == .int64) == (task.kind == .classification) else { return nil }
        return Metrics(try graph.outputs(of: task.logits(of: graph), for: samples), labels: labels, task)
    }
}

extension Graph {
    /// One value for all samples.
    func outputs(of value: ValueID, for samples: Dataset) throws(ModelError) -> Tensor {
        try Inference(self, fetching: [value]).outputs(for: samples)[0]
    }

    /// The value of a name in the document; nil when none or several have it.
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
