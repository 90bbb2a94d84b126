import Compute
import JobContract
import Model
import Options

extension JobOptions {
    /// The training loss on the labels of an output.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - dataset: its inputs and labels.
    ///   - file: name of the data file, for messages.
    /// - Returns: the loss, and the samples with the labels as the input that the loss reads.
    /// - Throws: ``Problem`` when the labels are missing or do not fit the loss.
    func objective(
        for graph: Graph, on dataset: Dataset, file: String
    ) throws(Problem) -> (objective: Objective, dataset: Dataset) {
        guard let output = graph.output(named: output), self.output.map({ $0 == output.name }) ?? true else {
            let names = graph.outputs.map(\.name).joined(separator: ", ")
            throw Problem(
                .invalidOption, "the model has no output '\(self.output ?? "")': it has \(names)", pointer: "/outputs")
        }
        let dataset =
            loss == .causalLanguageModel ? try dataset.causal(for: graph, output: output.value).samples : dataset
        guard let labels = dataset.labels else {
            throw Problem(
                .datasetKeyMismatch, "\(file) has no labels to train by",
                hint: "name a key y, or say which one is meant",
                pointer: "/labels")
        }
        let isClasses = labels.type == .int64
        let loss: Loss
        switch self.loss {
        case .crossEntropy, .causalLanguageModel: loss = .crossEntropy
        case .mse: loss = .meanSquare
        case .binaryCrossEntropy: loss = .binaryCrossEntropy
        case .auto: loss = isClasses ? .crossEntropy : .meanSquare
        }
        guard isClasses == (loss == .crossEntropy) else {
            throw Problem(
                .shapeMismatch,
                "the labels of \(file) are \(isClasses ? "classes" : "numbers"), and \(loss.rawValue) compares with "
                    + (isClasses ? "numbers" : "classes"), pointer: "/loss")
        }
        // An input of the model may be called anything.
        var target = "labels"
        while dataset.inputs[target] != nil { target += "'" }
        var samples = dataset
        samples.inputs[target] = labels
        return (Objective(terms: [Objective.Term(loss, of: output.value, target: target)]), samples)
    }
}
