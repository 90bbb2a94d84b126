package import Compute
import Model

/// A comparison of one output of two networks.
package struct Comparison: Sendable {
    /// The task of the output that is compared.
    package let task: PredictionTask
    /// The mean over answers of KL(original, other) of the softmaxes or sigmoids; for other outputs, the mean square
    /// error.
    package let divergence: Estimate
    /// The share of answers that change; nil for outputs without answers.
    package let disagreement: Estimate?
    /// The number of answers that change, and of all answers; both zero for outputs without answers.
    package let disagreements: Int
    package let answers: Int
    /// The share of the variance that is lost: of an embedding as a whole, of a regression by its worst column, and likewise
    /// of answers whose kind is a guess, since an argmax that never changes would hide everything; nil for other answers.
    package let varianceLost: Estimate?
    /// The cosines between the vectors of an embedding; nil for other outputs.
    package let cosines: Cosines?
    package let samples: Int

    /// Compares the outputs of two networks.
    ///
    /// - Parameters:
    ///   - original: `[samples, ...]`, with the classes, tags or features along the axis that the task says.
    ///   - other: the other outputs, of the same shape.
    ///   - task: the task of the outputs.
    ///   - mask: `[samples, positions]` of bool: the rows that count, if there is one for each position.
    ///   - samples: the number of samples, if it is not the leading size.
    package init(
        _ original: Tensor, _ other: Tensor, _ task: PredictionTask, counting mask: Tensor? = nil, samples: Int? = nil
    ) {
        let samples = max(1, samples ?? original.shape.dimensions.first ?? 1)
        (self.samples, self.task) = (samples, task)
        // An image that is no classes has no columns of a meaning of their own.
        let isPicture = task.kind == .regression && original.shape.rank > 3
        let rows = OutputRows(
            original, other, axis: isPicture ? nil : task.classAxis, counting: mask, samples: samples)
        guard task.kind.hasAnswers else {
            let error = rows.meanSquareError
            divergence = Estimate(error, upper95: error)
            (disagreement, disagreements, answers) = (nil, 0, 0)
            varianceLost = task.kind == .embedding ? rows.varianceLost : rows.varianceLostOfWorstColumn
            cosines = task.kind == .embedding ? rows.cosines : nil
            return
        }
        let isTags = task.kind == .multilabel
        let found = isTags ? rows.tags() : rows.classes()
        (divergence, disagreement, disagreements) = (found.divergence, found.disagreement, found.events)
        answers = rows.answerCount(ofTags: isTags)
        varianceLost = task.isGuess ? rows.varianceLostOfWorstColumn : nil
        cosines = nil
    }

    /// A measure of the output; nil for one that it does not have.
    package subscript(measure: Measure) -> Estimate? {
        switch measure {
        case .disagreement: disagreement
        case .divergence: answers > 0 ? divergence : nil
        case .varianceLost: varianceLost
        }
    }

    /// The damage as one number that grows with it: the KL for answers, else the lost share of the variance.
    var damage: Double { answers > 0 ? divergence.value : varianceLost?.value ?? divergence.value }
}
