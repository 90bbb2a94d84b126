import Collapse
import Compute
import JobContract
import Model
import Options

/// The report of a plain training: its loss on the samples that it saw, and on those that it did not see.
struct TrainingReport {
    /// A mean loss over samples.
    struct Measured {
        let loss: Double
        let samples: Int
    }

    let model: String
    let options: TrainingOptions
    let batchSize: Int
    /// The regularizer, and its strength.
    let regularizer: (kind: Regularizer, penalty: Double)?
    let training: Measured
    /// nil for data without a part of their own to measure on.
    let heldOut: Measured?
    /// The slopes of the blocks, before and after.
    let slopes: [(layer: String, before: Float, after: Float)]
    let seconds: Double

    /// The report as JSON.
    var document: JSONValue {
        [
            "object": "training", "model": .string(model), "steps": .int(options.steps),
            "batch_size": .int(batchSize), "learning_rate": .double(Double(options.learningRate)),
            "optimizer": .string(options.optimizer.name), "seed": .int(Int(clamping: options.seed)),
            "regularize": JSONValue(regularizer?.kind.rawValue), "penalty": JSONValue(regularizer?.penalty),
            "training_loss": .double(training.loss), "training_samples": .int(training.samples),
            "held_out_loss": JSONValue(heldOut?.loss), "held_out_samples": JSONValue(heldOut?.samples),
            "gap": JSONValue(heldOut.map { $0.loss - training.loss }),
            "slopes": .array(
                slopes.map {
                    [
                        "layer": .string($0.layer), "before": .double(Double($0.before)),
                        "after": .double(Double($0.after)),
                    ]
                }),
            "threads": .int(threadCount), "version": .string(Version.number), "seconds": .double(seconds),
        ]
    }
}

extension TrainingReport.Measured {
    /// Samples that are held in memory at a time.
    private static let portion = 512

    /// Measures the mean of a loss, without any penalty.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - objective: its loss on labels.
    ///   - dataset: the samples with the labels.
    /// - Throws: ``ModelError`` when the network cannot be run.
    init(_ graph: Graph, _ objective: Objective, on dataset: Dataset) throws(ModelError) {
        let term = objective.terms[0]
        var options = JobOptions()
        options.loss = term.loss.option
        options.outputs = graph.outputs.filter { $0.value == term.value }.map(\.name)
        let inference = try Inference(graph, fetching: [term.value])
        var (total, counted) = (0.0, 0)
        for start in stride(from: 0, to: dataset.count, by: Self.portion) {
            let part = dataset.samples(start..<min(dataset.count, start + Self.portion))
            guard let labels = part.inputs[term.target] else { continue }
            let task = PredictionTask(of: graph, labels: labels, options: options, output: options.output)
            let rows =
                labels.type == .int64
                ? labels.int64s.count { $0 != Loss.ignoredLabel } : labels.shape.elementCount
            let outputs = try inference.outputs(for: part)
            total += Metrics(outputs[0], labels: labels, task).loss * Double(rows)
            counted += rows
        }
        (loss, samples) = (total / Double(max(1, counted)), dataset.count)
    }
}

extension Loss {
    /// The option that names the loss.
    fileprivate var option: JobOptions.LossName {
        switch self {
        case .crossEntropy: .crossEntropy
        case .binaryCrossEntropy: .binaryCrossEntropy
        case .meanSquare, .distillation: .mse
        }
    }
}

extension Optimizer {
    fileprivate var name: String {
        switch self {
        case .sgd: "sgd"
        case .adamW: "adamw"
        }
    }
}
