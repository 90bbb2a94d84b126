import ByteText
package import Compute
package import Model

/// What one output of a network is, the first unless another is chosen, and so how two networks are compared and what training makes small.
package struct PredictionTask: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// One class a row: logits, or probabilities behind a softmax.
        case classification
        /// Independent yes or no a column.
        case multilabel
        case regression
    }

    package let kind: Kind
    /// The output that is meant, by its name; the first without.
    private let output: String?

    /// - Parameters:
    ///   - graph: the network.
    ///   - labels: of the data, if there are any: int64 classes, or float32 targets.
    ///   - loss: what the user says it is.
    ///   - output: the name of the output that is meant; the first without.
    package init(of graph: Graph, labels: Tensor?, loss: CompressionOptions.LossName, output: String? = nil) {
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

    /// Without labels: the name that exporters give to hidden states and embeddings tells them from logits.
    private static func looksLikeLogits(_ output: (name: String, value: ValueID)?, in graph: Graph) -> Bool {
        guard let output, let classes = graph.shape(output.value).dimensions.last else {
            return false
        }
        let name = output.name.asciiLowercased
        let isFeature = ["hidden", "embed", "feature", "pooler", "state"].contains { name.containsBytes(of: $0) }
        return classes > 1 && !isFeature
    }

    /// What another output of the network is, of which no labels tell.
    func ofOutput(_ name: String, in graph: Graph) -> PredictionTask {
        PredictionTask(of: graph, labels: nil, loss: .auto, output: name)
    }

    /// What losses read: the output, or what its softmax reads.
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
    /// - Returns: the first output where no other has the name.
    package func output(named name: String?) -> (name: String, value: ValueID)? {
        outputs.first { $0.name == name } ?? outputs.first
    }
}
