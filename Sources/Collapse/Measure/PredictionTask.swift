import ByteText
package import Compute
package import Model
package import Options

/// The kind of one output of a network, which determines how networks are compared and trained.
package struct PredictionTask: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// One class per row: logits, or probabilities behind a softmax.
        case classification
        /// An independent yes or no per column.
        case multilabel
        case regression
    }

    package let kind: Kind
    /// The name of the output; nil for the first.
    private let output: String?

    /// Determines the kind of an output by the loss, the labels, or its name.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - labels: the labels of the data, if any: int64 classes, or float32 targets.
    ///   - loss: the loss that the user chose.
    ///   - output: the name of the output; nil for the first.
    package init(of graph: Graph, labels: Tensor?, loss: JobOptions.LossName, output: String? = nil) {
        self.output = output
        switch loss {
        case .crossEntropy, .causalLanguageModel: kind = .classification
        case .binaryCrossEntropy: kind = .multilabel
        case .mse: kind = .regression
        case .auto:
            if let labels {
                kind = labels.type == .int64 ? .classification : .regression
            } else {
                kind = Self.looksLikeLogits(graph.output(named: output), in: graph) ? .classification : .regression
            }
        }
    }

    /// True unless an output has a name that exporters give to hidden states and embeddings; used without labels.
    private static func looksLikeLogits(_ output: (name: String, value: ValueID)?, in graph: Graph) -> Bool {
        guard let output, let classes = graph.shape(output.value).dimensions.last else {
            return false
        }
        let name = output.name.asciiLowercased
        let isFeature = ["hidden", "embed", "feature", "pooler", "state"].contains { name.containsBytes(of: $0) }
        return classes > 1 && !isFeature
    }

    /// The task of another output of the network, for which there are no labels.
    func ofOutput(_ name: String, in graph: Graph) -> PredictionTask {
        PredictionTask(of: graph, labels: nil, loss: .auto, output: name)
    }

    /// The value that losses read: the output, or the operand of its softmax.
    package func logits(of graph: Graph) -> ValueID {
        guard let output = graph.output(named: output)?.value else { preconditionFailure("a network has outputs") }
        if kind == .classification, case .softmax(let axis) = graph[output].op, axis == graph.shape(output).rank - 1 {
            return graph[output].operands[0]
        }
        return output
    }

    var lossOnLabels: Loss {
        switch kind {
        case .classification: .crossEntropy
        case .multilabel: .binaryCrossEntropy
        case .regression: .meanSquare
        }
    }

    var lossToTeacher: Loss { kind == .classification ? .distillation : .meanSquare }
}

extension Graph {
    /// The output with a name, or the first if none has it.
    package func output(named name: String?) -> (name: String, value: ValueID)? {
        outputs.first { $0.name == name } ?? outputs.first
    }
}
