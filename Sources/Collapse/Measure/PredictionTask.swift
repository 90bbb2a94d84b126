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
        /// A vector that others are compared with, such as a sentence embedding or hidden states.
        case embedding
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
                kind = Self.guess(graph.output(named: output), in: graph)
            }
        }
    }

    /// The kind of an output without labels: classes unless it has one column, or a name that exporters give to hidden
    /// states and embeddings.
    private static func guess(_ output: MeasuredOutput?, in graph: Graph) -> Kind {
        guard let output, let classes = graph.shape(output.value).dimensions.last else { return .regression }
        let name = output.name.asciiLowercased
        if ["hidden", "embed", "feature", "pooler", "state"].contains(where: { name.containsBytes(of: $0) }) {
            return .embedding
        }
        return classes > 1 ? .classification : .regression
    }

    /// The name of the output in a network.
    package func name(in graph: Graph) -> String { graph.output(named: output)?.name ?? "" }

    /// The tasks of the other outputs of the network, for which there are no labels.
    package func others(in graph: Graph) -> [PredictionTask] {
        let own = name(in: graph)
        return graph.measuredOutputs.filter { $0.name != own }.map { ofOutput($0.name, in: graph) }
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
        case .regression, .embedding: .meanSquare
        }
    }

    var lossToTeacher: Loss { kind == .classification ? .distillation : .meanSquare }
}
