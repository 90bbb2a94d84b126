import Compute
import Model

/// What a network that was changed learns from: labels, the original network's logits, or both; and the original's values at
/// the collapsed outputs.
struct Lessons {
    let original: Graph
    let task: PredictionTask
    let mode: CompressionOptions.Finetune

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
        var terms: [Objective.Term] = []
        let logits = task.logits(of: graph)
        if mode == .labels || mode == .mix, let labels = samples.labels {
            samples.inputs["target/labels"] = labels
            terms.append(.init(task.lossOnLabels, of: logits, target: "target/labels", weight: mode == .mix ? 0.5 : 1))
        }
        if mode != .labels {
            let held = streams.compactMap { name in
                original.value(named: name).flatMap { before in graph.value(named: name).map { (before, $0) } }
            }.filter { $0.1 != logits }
            let fitting = held.filter { bytes(of: $0.0, samples.count) <= Self.hiddenByteLimit / max(1, held.count) }
            let inference = try Inference(original, fetching: [task.logits(of: original)] + fitting.map(\.0))
            let values = try inference.outputs(for: samples)
            samples.inputs["target/teacher"] = values[0]
            terms.append(
                .init(task.lossToTeacher, of: logits, target: "target/teacher", weight: mode == .mix ? 0.5 : 1))
            for (index, (_, now)) in fitting.enumerated() {
                let target = "target/hidden.\(index)"
                samples.inputs[target] = values[index + 1]
                let weight = Float(1 / max(values[index + 1].variance, 1e-12)) / Float(fitting.count)
                terms.append(.init(.meanSquare, of: now, target: target, weight: weight))
            }
        }
        return (Objective(terms: terms), samples)
    }

    private func bytes(of value: ValueID, _ count: Int) -> Int {
        let type = original.type(value)
        let batch = max(1, type.shape.dimensions.first ?? 1)
        return type.shape.elementCount / batch * count * type.element.byteCount
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
