import ByteText
package import Compute
package import Model
package import Options

/// The kind of one output of a network, which determines how networks are compared and trained.
package struct PredictionTask: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// One class per row: logits, or probabilities behind a softmax.
        case classification
        /// An independent yes or no per column: logits, or probabilities behind a sigmoid.
        case multilabel
        case regression
        /// A vector that others are compared with, such as a sentence embedding or hidden states.
        case embedding
        /// One class per pixel, along the second axis of `[N, C, H, W]`.
        case segmentation
        /// One token of a vocabulary per place of a text.
        case causalLanguageModel = "causal_lm"

        /// True for outputs of classes, of which the largest is the answer.
        package var hasClasses: Bool {
            self == .classification || self == .segmentation || self == .causalLanguageModel
        }

        /// True for outputs of classes or tags, which are right or wrong.
        package var hasAnswers: Bool { hasClasses || self == .multilabel }
    }

    package let kind: Kind
    /// The name of the output; empty for a network without one.
    package let output: String
    /// True when nothing but the shape of the output tells its kind.
    package let isGuess: Bool
    /// The axis of the classes, tags or features; axis 0 is that of the samples.
    package let classAxis: Int

    private let rank: Int
    private let endsInProbabilities: Bool

    /// Determines the kind of an output by what the user says, the labels, its last op, its name or its shape, in this
    /// order.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - labels: the labels of the data, if any: int64 classes, or float32 targets.
    ///   - options: the task, the loss and the axis of classes that the user chose.
    ///   - name: the name of the output; nil for the first.
    package init(
        of graph: Graph, labels: Tensor? = nil, options: JobOptions = JobOptions(), output name: String? = nil
    ) {
        let measured = graph.output(named: name)
        let shape = measured.map { graph.shape($0.value) } ?? .scalar
        let guess = Guess(measured, shape, in: graph)
        (kind, isGuess) = Self.kind(labels, options, guess, shape)
        (output, rank) = (measured?.name ?? "", shape.rank)
        let standard = kind == .segmentation && shape.rank > 2 ? 1 : shape.rank - 1
        classAxis = min(options.classAxis ?? standard, shape.rank - 1)
        endsInProbabilities =
            kind.hasClasses && guess.softmaxAxis == classAxis || kind == .multilabel && guess.endsInSigmoid
    }

    private static func kind(
        _ labels: Tensor?, _ options: JobOptions, _ guess: Guess, _ shape: Shape
    ) -> (Kind, isGuess: Bool) {
        if let chosen = Kind(rawValue: options.task.rawValue) { return (chosen, false) }
        let isText = options.isCausal || guess.kind == .causalLanguageModel
        let isImage = shape.rank == 4 && (options.classAxis != nil || labels?.shape.rank == 3)
        let classes: Kind = isText ? .causalLanguageModel : isImage ? .segmentation : .classification
        switch options.loss {
        case .crossEntropy, .causalLanguageModel: return (classes, false)
        case .binaryCrossEntropy: return (.multilabel, false)
        case .mse: return (.regression, false)
        case .auto: break
        }
        if let labels {
            if labels.type == .int64 { return (classes, false) }
            return (guess.kind == .multilabel && labels.isBinary ? .multilabel : .regression, false)
        }
        return options.classAxis == nil ? (guess.kind, guess.isUncertain) : (classes, false)
    }

    /// The tasks of all outputs of the network that are measured, this one first.
    package func all(in graph: Graph) -> [PredictionTask] { [self] + others(in: graph) }

    /// The tasks of the other outputs of the network, for which there are no labels.
    package func others(in graph: Graph) -> [PredictionTask] {
        graph.measuredOutputs.filter { $0.name != output }.map { ofOutput($0.name, in: graph) }
    }

    /// The task of another output of the network, for which there are no labels.
    func ofOutput(_ name: String, in graph: Graph) -> PredictionTask { PredictionTask(of: graph, output: name) }

    /// The value that losses read: the output, or the operand of its softmax or sigmoid.
    package func logits(of graph: Graph) -> ValueID {
        let output = output(of: graph)
        switch graph[output].op {
        case .softmax(let axis) where kind.hasClasses && axis == classAxis: return graph[output].operands[0]
        case .unary(.sigmoid) where kind == .multilabel: return graph[output].operands[0]
        default: return output
        }
    }

    /// The value of another network that is compared with the original's ``logits(of:)``: a softmax or sigmoid is left out
    /// only where the original has one too.
    package func compared(in graph: Graph) -> ValueID {
        guard endsInProbabilities else { return output(of: graph) }
        return logits(of: graph)
    }

    /// The output of the task in a network.
    private func output(of graph: Graph) -> ValueID {
        guard let output = graph.output(named: output)?.value else { preconditionFailure("a network has outputs") }
        return output
    }

    /// True when ``logits(of:)`` are probabilities: in the rest of a network whose softmax or sigmoid has been computed
    /// before.
    func areProbabilities(in graph: Graph) -> Bool {
        guard endsInProbabilities, let output = graph.output(named: output)?.value else { return false }
        return logits(of: graph) == output
    }

    /// True when each row of the output, in memory, is one answer: what losses on classes take.
    package var hasClassesLast: Bool { kind.hasClasses && classAxis == rank - 1 }

    var lossOnLabels: Loss {
        switch kind {
        case .classification, .causalLanguageModel: .crossEntropy
        case .multilabel: .binaryCrossEntropy
        case .regression, .embedding, .segmentation: .meanSquare
        }
    }

    var lossToTeacher: Loss { hasClassesLast ? .distillation : .meanSquare }
}

/// The kind of an output as its last op, its name and its shape tell it.
private struct Guess {
    let kind: PredictionTask.Kind
    /// True when nothing but the shape tells the kind.
    let isUncertain: Bool
    /// The axis of the softmax that the output is the result of.
    var softmaxAxis: Int?
    var endsInSigmoid = false

    init(_ output: MeasuredOutput?, _ shape: Shape, in graph: Graph) {
        let name = output?.name.asciiLowercased ?? ""
        func has(_ words: [String]) -> Bool { words.contains { name.containsBytes(of: $0) } }
        switch output.map({ graph[$0.value].op }) {
        case .softmax(let axis): softmaxAxis = axis
        case .unary(.sigmoid): endsInSigmoid = true
        default: break
        }
        // The classes of an image's pixels lie before its height and width.
        let hasImage = graph.inputs.contains { graph.shape($0).dimensions.suffix(2) == shape.dimensions.suffix(2) }
        let isImage = shape.rank == 4 && hasImage
        let isVocabulary = shape.rank == 3 && graph.inputs.contains { graph.indexedSize($0) == shape[2] }
        if softmaxAxis == shape.rank - 1 {
            (kind, isUncertain) = (isVocabulary ? .causalLanguageModel : .classification, false)
        } else if softmaxAxis == 1, isImage {
            (kind, isUncertain) = (.segmentation, false)
        } else if has(["hidden", "embed", "feature", "pooler", "state"]) {
            (kind, isUncertain) = (.embedding, false)
        } else if endsInSigmoid, shape.rank <= 2 {
            (kind, isUncertain) = (.multilabel, false)
        } else if isVocabulary {
            (kind, isUncertain) = (.causalLanguageModel, false)
        } else if isImage, shape[1] > 1, shape[1] != shape[2] || shape[1] != shape[3] {
            (kind, isUncertain) = (.segmentation, !has(["logit", "mask", "seg", "class", "prob"]))
        } else if (shape.dimensions.last ?? 1) > 1 {
            (kind, isUncertain) = (.classification, !has(["logit", "score", "prob", "class", "label"]))
        } else if has(["logit", "prob"]) {
            (kind, isUncertain) = (.multilabel, false)
        } else {
            (kind, isUncertain) = (.regression, true)
        }
    }
}

extension Tensor {
    /// True for floats that are all 0 or 1.
    fileprivate var isBinary: Bool { type == .float32 && floats.allSatisfy { $0 == 0 || $0 == 1 } }
}
