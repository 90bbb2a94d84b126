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
        /// One class per pixel, along the second axis of `[N, C, H, W]`.
        case segmentation

        /// True for outputs of classes, of which the largest is the answer.
        package var hasClasses: Bool { self == .classification || self == .segmentation }
    }

    package let kind: Kind
    /// The name of the output; empty for a network without one.
    package let output: String
    /// True when nothing but the shape of the output tells its kind.
    package let isGuess: Bool
    private let endsInSoftmax: Bool

    /// Determines the kind of an output by the loss, the labels, its last op, its name or its shape, in this order.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - labels: the labels of the data, if any: int64 classes, or float32 targets.
    ///   - loss: the loss that the user chose.
    ///   - name: the name of the output; nil for the first.
    package init(of graph: Graph, labels: Tensor?, loss: JobOptions.LossName, output name: String? = nil) {
        let measured = graph.output(named: name)
        output = measured?.name ?? ""
        let shape = measured.map { graph.shape($0.value) } ?? .scalar
        if let value = measured?.value, case .softmax(let axis) = graph[value].op, axis == shape.rank - 1 {
            endsInSoftmax = true
        } else {
            endsInSoftmax = false
        }
        let guess = Self.guess(output, shape, endsInSoftmax: endsInSoftmax, in: graph)
        switch loss {
        case .crossEntropy, .causalLanguageModel: (kind, isGuess) = (.classification, false)
        case .binaryCrossEntropy: (kind, isGuess) = (.multilabel, false)
        case .mse: (kind, isGuess) = (.regression, false)
        case .auto:
            guard let labels else {
                (kind, isGuess) = guess
                return
            }
            let isPixels = shape.rank == 4 && labels.shape.dimensions.dropFirst() == shape.dimensions.dropFirst(2)
            let classes: Kind = isPixels && labels.shape.rank == 3 ? .segmentation : .classification
            (kind, isGuess) = (labels.type == .int64 ? classes : .regression, false)
        }
    }

    /// The kind of an output without labels.
    private static func guess(
        _ output: String, _ shape: Shape, endsInSoftmax: Bool, in graph: Graph
    ) -> (kind: Kind, isGuess: Bool) {
        let name = output.asciiLowercased
        func has(_ words: [String]) -> Bool { words.contains { name.containsBytes(of: $0) } }
        if endsInSoftmax { return (.classification, false) }
        if has(["hidden", "embed", "feature", "pooler", "state"]) { return (.embedding, false) }
        // The classes of an image's pixels lie before its height and width.
        let isImage = graph.inputs.contains { graph.shape($0).dimensions.suffix(2) == shape.dimensions.suffix(2) }
        if shape.rank == 4, isImage, shape[1] > 1, shape[1] != shape[2] || shape[1] != shape[3] {
            return (.segmentation, !has(["logit", "mask", "seg", "class", "prob"]))
        }
        guard (shape.dimensions.last ?? 1) > 1 else { return (.regression, true) }
        return (.classification, !has(["logit", "score", "prob", "class", "label"]))
    }

    /// The tasks of the other outputs of the network, for which there are no labels.
    package func others(in graph: Graph) -> [PredictionTask] {
        graph.measuredOutputs.filter { $0.name != output }.map { ofOutput($0.name, in: graph) }
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

    /// True when ``logits(of:)`` are probabilities: in the rest of a network whose softmax has been computed before.
    func areProbabilities(in graph: Graph) -> Bool {
        guard kind == .classification, endsInSoftmax, let output = graph.output(named: output)?.value else {
            return false
        }
        return logits(of: graph) == output
    }

    var lossOnLabels: Loss {
        switch kind {
        case .classification: .crossEntropy
        case .multilabel: .binaryCrossEntropy
        case .regression, .embedding, .segmentation: .meanSquare
        }
    }

    var lossToTeacher: Loss { kind == .classification ? .distillation : .meanSquare }
}
