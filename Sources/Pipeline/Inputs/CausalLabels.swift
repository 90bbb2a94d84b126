import Compute
import JobContract
import Model

extension Dataset {
    /// The samples with next-token labels. Labels equal to the tokens, as in Hugging Face's trainers, are shifted by
    /// one; others are kept.
    ///
    /// - Parameters:
    ///   - graph: a network with an output `[samples, places, tokens]`.
    ///   - output: the logits.
    /// - Returns: the samples, and a note of the change.
    /// - Throws: ``Problem`` for a network without an input of tokens, or tokens that are none.
    func causal(for graph: Graph, output: ValueID) throws(Problem) -> (samples: Dataset, note: String?) {
        let logits = graph.shape(output).dimensions
        guard logits.count == 3, let key = tokenKey(graph, places: logits[1]), let ids = inputs[key] else {
            guard labels == nil else { return (self, nil) }
            throw Problem(
                .shapeMismatch, "loss=causal_lm needs an input of tokens and an output of logits for each of them",
                pointer: "/loss")
        }
        let tokens = ids.integers
        if let labels {
            let isShifted = labels.type != .int64 || labels.shape != ids.shape
            guard !isShifted, zip(labels.int64s, tokens).allSatisfy({ $0 == Loss.ignoredLabel || $0 == $1 }) else {
                return (self, nil)
            }
        }
        var following = [Int64](repeating: Loss.ignoredLabel, count: tokens.count)
        let sources = labels?.int64s ?? tokens
        let counted = inputs["attention_mask"].flatMap { $0.shape == ids.shape ? $0.integers : nil }
        for place in following.indices where (place + 1) % logits[1] != 0 && counted?[place + 1] != 0 {
            following[place] = sources[place + 1]
        }
        for label in following where label != Loss.ignoredLabel && !(0..<Int64(logits[2])).contains(label) {
            throw Problem(
                .labelOutOfRange, "token \(label) in key '\(key)': the model has logits for \(logits[2])",
                pointer: "/data")
        }
        var samples = self
        do { samples.labels = try Tensor(following, ids.shape) } catch { throw Problem(any: error) }
        return (samples, "causal_lm: the labels are the tokens of '\(key)', one place on")
    }

    private func tokenKey(_ graph: Graph, places: Int) -> String? {
        let fitting = graph.inputs.filter { input in
            [.int64, .int32].contains(graph.type(input).element)
                && graph.shape(input).dimensions.dropFirst().elementsEqual([places])
        }.map { graph[$0].name }
        return fitting.first { $0 == "input_ids" } ?? (fitting.count == 1 ? fitting.first : nil)
    }
}

extension Tensor {
    /// The elements of an integer or Boolean tensor.
    fileprivate var integers: [Int64] {
        switch type {
        case .int64: int64s
        case .int32: int32s.map(Int64.init)
        case .bool: bools.map { $0 ? 1 : 0 }
        case .float32: []
        }
    }
}
