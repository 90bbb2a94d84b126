package import Compute
package import Model

/// What a network's first output is, and so how two networks are compared and what training makes small.
package struct PredictionTask: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// One class a row: logits, or probabilities behind a softmax.
        case classification
        /// Independent yes or no a column.
        case multilabel
        case regression
    }

    package let kind: Kind

    /// - Parameters:
    ///   - graph: the network.
    ///   - labels: of the data, if there are any: int64 classes, or float32 targets.
    ///   - loss: what the user says it is.
    package init(of graph: Graph, labels: Tensor?, loss: CompressionOptions.LossName) {
        switch loss {
        case .crossEntropy, .causalLanguageModel: kind = .classification
        case .binaryCrossEntropy: kind = .multilabel
        case .mse: kind = .regression
        case .auto:
            if let labels {
                kind = labels.type == .int64 ? .classification : .regression
            } else {
                kind = Self.looksLikeLogits(graph) ? .classification : .regression
            }
        }
    }

    /// Without labels: the name that exporters give to hidden states and embeddings tells them from logits.
    private static func looksLikeLogits(_ graph: Graph) -> Bool {
        guard let output = graph.outputs.first, let classes = graph.shape(output.value).dimensions.last else {
            return false
        }
        let name = output.name.lowercased()
        let isFeature = ["hidden", "embed", "feature", "pooler", "state"].contains { name.contains($0) }
        return classes > 1 && !isFeature
    }

    /// What losses read: the first output, or what its softmax reads.
    package func logits(of graph: Graph) -> ValueID {
        let output = graph.outputs[0].value
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
