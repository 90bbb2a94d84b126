import Compute
import Model
import Options

/// The training targets of a changed network: labels, the original network's logits, or both; and the original's values
/// at the collapsed outputs.
struct TrainingTargets {
    let original: Graph
    let task: PredictionTask
    let mode: JobOptions.Finetune
    /// The names of further outputs that are trained to match the original's.
    var outputs: [String] = []

    /// The maximum memory of the original's hidden values; larger ones are not used as targets.
    static let hiddenByteLimit = 512 << 20

    /// Builds the objective and its samples.
    ///
    /// - Parameters:
    ///   - graph: the network to train.
    ///   - streams: the names of values that are trained to match the original's, each weighted by its inverse
    ///     variance.
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
        // Padding does not count.
        for index in terms.indices where samples.inputs[Self.mask] != nil && graph.isMasked(terms[index]) {
            terms[index] = terms[index].counting(Self.mask)
        }
        if mode != .selfDistill { samples.inputs[Self.labels] = samples.labels }
        guard !planned.fetched.isEmpty else { return (Objective(terms: terms), samples) }
        let values = try Inference(original, fetching: planned.fetched).outputs(for: samples)
        let first = terms.count - planned.fetched.count
        for (index, value) in values.enumerated() {
            let term = terms[first + index]
            samples.inputs[term.target] = value.reshaped(value.shape.divided(into: samples.count))
            guard index > 0, term.loss == .meanSquare else { continue }
            terms[first + index].weight *= Float(1 / max(value.variance, 1e-12))
        }
        return (Objective(terms: terms), samples)
    }

    /// The terms that ``prepare(for:streams:on:)`` builds for `count` samples.
    ///
    /// - Returns: the terms, those on labels first, and the original's values that are the targets of the others. The
    ///   weight of a hidden value is known only once it is computed.
    func terms(
        for graph: Graph, streams: [String], count: Int, hasLabels: Bool
    ) -> (terms: [Objective.Term], fetched: [ValueID]) {
        var terms: [Objective.Term] = []
        let logits = task.logits(of: graph)
        let weight: Float = mode == .mix ? 0.5 : 1
        if mode.usesLabels, hasLabels {
            terms.append(.init(task.lossOnLabels, of: logits, target: Self.labels, weight: weight))
        }
        guard mode != .labels else { return (terms, []) }
        let held = streams.compactMap { name in
            original.value(named: name).flatMap { before in graph.value(named: name).map { (before, $0) } }
        }.filter { $0.1 != logits && original.hasRows($0.0) }
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
    init(_ options: JobOptions, original: Graph, task: PredictionTask) {
        // Every output that is measured is trained, unless the user names some.
        let outputs =
            options.outputs.isEmpty
            ? task.others(in: original).map(\.output) : Array(options.outputs.dropFirst())
        self.init(original: original, task: task, mode: options.finetune, outputs: outputs)
    }
}

extension Objective.Term {
    fileprivate func counting(_ mask: String) -> Objective.Term {
        Objective.Term(loss, of: value, target: target, weight: weight, mask: mask)
    }
}

extension Graph {
    /// True when a term compares values at each position of a masked sequence; class labels mark padding themselves.
    fileprivate func isMasked(_ term: Objective.Term) -> Bool {
        guard term.loss != .crossEntropy, let input = inputs.first(where: { self[$0].name == "attention_mask" }) else {
            return false
        }
        let sizes = shape(term.value).dimensions
        return sizes.count > 2 && sizes.prefix(2).elementsEqual(shape(input).dimensions)
    }
}

extension Graph {
    /// True for a value with one row, or several, for each sample.
    fileprivate func hasRows(_ value: ValueID) -> Bool {
        shape(value).dimensions.first.map { $0 > 0 && $0.isMultiple(of: batchSize) } ?? false
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
    /// The parameters that a training changes by the options.
    ///
    /// The method of the paper trains them all, because the layers around a block make up for what the block loses.
    ///
    /// - Parameters:
    ///   - options: the options, with a method.
    ///   - task: the task of the output that is trained.
    ///   - collapsed: the parameters of the collapsed layers.
    /// - Returns: the indices of the parameters.
    func trainable(_ options: JobOptions, _ task: PredictionTask, collapsed: Set<Int>) -> Set<Int> {
        let own = trainable(options.train ?? .collapsed, collapsed: collapsed)
        guard options.train == nil, options.method == .layercollapse else { return own }
        let all = trainable(.all, collapsed: collapsed)
        let isReached = [own, all].allSatisfy { obstacle(from: task.logits(of: self), to: $0) == nil }
        return isReached ? all : own
    }

    /// The parameters that a training changes.
    ///
    /// - Parameters:
    ///   - scope: the collapsed layers, everything from the first of them on, or all.
    ///   - collapsed: the parameters of the collapsed layers.
    /// - Returns: the indices of the parameters.
    func trainable(_ scope: JobOptions.Train, collapsed: Set<Int>) -> Set<Int> {
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
