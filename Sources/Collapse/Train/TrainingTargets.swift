import Compute
import Model

/// What a network that was changed learns from: labels, the original network's logits, or both; and the original's values at
/// the collapsed outputs.
struct TrainingTargets {
    let original: Graph
    let task: PredictionTask
    let mode: CompressionOptions.Finetune
    /// Names of outputs that are held to the original's beside the one that the task is about.
    var outputs: [String] = []

    /// How much memory the original's values may take before only its logits are learnt from.
    static let hiddenByteLimit = 512 << 20

    /// - Parameters:
    ///   - graph: the network that learns.
    ///   - streams: names of values that are held to the original's, each as much as its variance allows.
    ///   - samples: the training samples.
    /// - Returns: the objective, and the samples with the targets that it names.
    /// - Throws: ``ModelError`` when the original cannot be run on the samples.
    func prepare(
        for graph: Graph, streams: [String], on samples: Dataset
    ) throws(ModelError) -> (objective: Objective, samples: Dataset) {
        var samples = samples
        let planned = terms(for: graph, streams: streams, count: samples.count, hasLabels: samples.labels != nil)
        var terms = planned.terms
        samples.inputs[Self.mask] = try samples.mask()
        // Padding is nothing to learn from.
        for index in terms.indices where samples.inputs[Self.mask] != nil && graph.isMasked(terms[index]) {
            terms[index] = terms[index].counting(Self.mask)
        }
        if mode != .selfDistill { samples.inputs[Self.labels] = samples.labels }
        guard !planned.fetched.isEmpty else { return (Objective(terms: terms), samples) }
        let values = try Inference(original, fetching: planned.fetched).outputs(for: samples)
        let first = terms.count - planned.fetched.count
        for (index, value) in values.enumerated() {
            let term = terms[first + index]
            samples.inputs[term.target] = value
            guard index > 0, term.loss == .meanSquare else { continue }
            terms[first + index].weight *= Float(1 / max(value.variance, 1e-12))
        }
        return (Objective(terms: terms), samples)
    }

    /// What ``prepare(for:streams:on:)`` would teach so many samples.
    ///
    /// - Returns: the terms, those on labels first; and the original's values that are the targets of the others. The
    ///   weight of a hidden value is not known before it is computed.
    func terms(
        for graph: Graph, streams: [String], count: Int, hasLabels: Bool
    ) -> (terms: [Objective.Term], fetched: [ValueID]) {
        var terms: [Objective.Term] = []
        let logits = task.logits(of: graph)
        let weight: Float = mode == .mix ? 0.5 : 1
        if mode == .labels || mode == .mix, hasLabels {
            terms.append(.init(task.lossOnLabels, of: logits, target: Self.labels, weight: weight))
        }
        guard mode != .labels else { return (terms, []) }
        let held = streams.compactMap { name in
            original.value(named: name).flatMap { before in graph.value(named: name).map { (before, $0) } }
        }.filter { $0.1 != logits }
        let limit = Self.hiddenByteLimit / max(1, held.count)
        let fitting = held.filter { original.bytesPerSample($0.0) * count <= limit }
        terms.append(.init(task.lossToTeacher, of: logits, target: "target/teacher", weight: weight))
        var fetched = [task.logits(of: original)]
        for name in outputs {
            let other = task.ofOutput(name, in: original)
            let term = Objective.Term(
                other.lossToTeacher, of: other.logits(of: graph), target: "target/output.\(name)", weight: weight)
            terms.append(term)
            fetched.append(other.logits(of: original))
        }
        for (index, (before, now)) in fitting.enumerated() {
            terms.append(
                .init(.meanSquare, of: now, target: "target/hidden.\(index)", weight: 1 / Float(fitting.count)))
            fetched.append(before)
        }
        return (terms, fetched)
    }

    private static let labels = "target/labels"
    private static let mask = "target/mask"
}

extension TrainingTargets {
    init(_ options: CompressionOptions, original: Graph, task: PredictionTask) {
        self.init(
            original: original, task: task, mode: options.finetune, outputs: Array(options.outputs.dropFirst()))
    }
}

extension Objective.Term {
    fileprivate func counting(_ mask: String) -> Objective.Term {
        Objective.Term(loss, of: value, target: target, weight: weight, mask: mask)
    }
}

extension Graph {
    /// Whether a term compares something at each place of a sequence with a mask, and not classes, whose labels tell.
    fileprivate func isMasked(_ term: Objective.Term) -> Bool {
        guard term.loss != .crossEntropy, let input = inputs.first(where: { self[$0].name == "attention_mask" }) else {
            return false
        }
        let sizes = shape(term.value).dimensions
        return sizes.count > 2 && sizes.prefix(2).elementsEqual(shape(input).dimensions)
    }
}

extension Tensor {
    var variance: Double {
        var (sum, squares) = (0.0, 0.0)
        for value in floats {
            sum += Double(value)
            squares += Double(value) * Double(value)
        }
        let count = Double(max(1, shape.elementCount))
        return squares / count - sum / count * (sum / count)
    }
}

extension Graph {
    /// Which parameters a training changes.
    ///
    /// - Parameters:
    ///   - scope: the layers that were collapsed, everything from the first of them on, or all.
    ///   - collapsed: parameters of the collapsed layers.
    /// - Returns: indices of parameters.
    func trainable(_ scope: CompressionOptions.Train, collapsed: Set<Int>) -> Set<Int> {
        let candidates = Set(parameters.indices.filter { parameters[$0].isTrainable })
        switch scope {
        case .collapsed: return collapsed.intersection(candidates)
        case .all: return candidates
        case .after:
            var follows = [Bool](repeating: false, count: nodes.count)
            var chosen = collapsed.intersection(candidates)
            for value in values {
                let operands = self[value].operands
                let read = operands.compactMap { parameterIndex($0) }
                guard operands.contains(where: { follows[$0.index] }) || read.contains(where: collapsed.contains) else {
                    continue
                }
                follows[value.index] = true
                chosen.formUnion(read.filter(candidates.contains))
            }
            return chosen
        }
    }
}
