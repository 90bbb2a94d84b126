import Compute
import Model
import Options

/// Trains a network after a collapse, by default without labels: the original network is the teacher.
struct FineTuning {
    let targets: TrainingTargets
    let options: JobOptions
    let heldOut: HeldOut
    var keeper = CheckpointKeeper.none
    /// True when the training is to end with what it has.
    var isFinishing: () -> Bool = { false }
    let emit: (CollapseEvent) -> Void

    /// Trains a point.
    ///
    /// - Parameters:
    ///   - point: the point after the collapse.
    ///   - samples: the training samples.
    /// - Returns: the trained point, or the same one when training did not help on held-out samples.
    /// - Throws: ``ModelError``, for example when a loss is not a number.
    func run(_ point: ParetoPoint, on samples: Dataset) throws(ModelError) -> ParetoPoint {
        let graph = point.graph
        // A batch reads few rows of a table, and an adaptive step moves each of them as far as any other weight: tables stay
        // as they were fitted.
        let tables = Set(graph.values.compactMap { graph.table(readBy: $0) })
        let new = Set(graph.parameters.indices.filter { graph.parameters[$0].isNew && !tables.contains($0) })
        let session = TrainingSession(
            of: graph, own: new, targets: targets, on: samples, options: options
        ) { .fineTuning($0, stepsPerEpoch: $1, of: targets.original) }
        let followsLabels = !session.isLocal && options.finetune.usesLabels
        guard session.plan.steps > 0, samples.count >= session.batch, !session.trainable.isEmpty,
            !isFinishing()
        else { return point }
        emit(.phase(.finetuning))
        var isHopeless = false
        let trained = try session.run(
            "finetuning-\(point.layers)-\(point.parameters)",
            blocks: { Self.layers(graph, new).map { (graph[$0].operands[0], $0) } },
            streams: { Self.streams(of: graph, new, original: targets.original) }, keeper: keeper,
            isFinishing: isFinishing,
            halfway: { half throws(ModelError) in
                let halfway = point.trained(half, try heldOut.measured(half))
                isHopeless = !isBetter(halfway, than: point, followsLabels: followsLabels, within: Self.hope)
                return !isHopeless
            }
        ) { trainer, loss in
            emit(.step(TrainingStep(trainer, loss: loss, session)))
        }
        guard !isHopeless else { return point }
        let tuned = point.trained(trained, try heldOut.measured(trained))
        return isBetter(tuned, than: point, followsLabels: followsLabels) ? tuned : point
    }

    /// The damage after half of the steps, as a multiple of that before them, up to which the other half may still help.
    private static let hope = 1.5

    /// True if training has helped on the deciding samples. Labels pull away from the original by intent: there the loss
    /// counts, where the deciding samples have labels. Without them, nearer to the original is better.
    ///
    /// - Parameters:
    ///   - tuned: the trained point.
    ///   - point: the point before the training.
    ///   - followsLabels: whether it was trained on labels.
    ///   - factor: the multiple of the point's loss or divergence that is good enough.
    /// - Returns: true if training helped.
    private func isBetter(
        _ tuned: ParetoPoint, than point: ParetoPoint, followsLabels: Bool, within factor: Double = 1
    ) -> Bool {
        if followsLabels {
            guard let before = point.metrics?.loss, let after = tuned.metrics?.loss else { return true }
            return after <= factor * before
        }
        guard let before = point.comparison, let after = tuned.comparison else { return true }
        return after.divergence.value <= factor * before.divergence.value
    }

    /// The collapsed layers, but for those of another size: nothing of the original is like their outputs.
    private static func layers(_ graph: Graph, _ new: Set<Int>) -> [ValueID] {
        graph.values.filter { value in
            if graph[value].origin.isResized { return false }
            return switch graph[value].op {
            case .matMul, .convolution:
                graph[value].operands.contains { graph.parameterIndex($0).map(new.contains) ?? false }
            default: false
            }
        }
    }

    /// The names of the sums of collapsed layers with the residual stream, or of the layers' outputs.
    static func streams(of graph: Graph, _ new: Set<Int>, original: Graph) -> [String] {
        layers(graph, new).map { Residual(of: $0, in: graph, original: original)?.stream ?? graph[$0].name }
    }
}

extension Graph {
    /// The index of the parameter whose rows a value is read from; nil for another value.
    fileprivate func table(readBy value: ValueID) -> Int? {
        if case .gather(axis: 0) = self[value].op { parameterIndex(self[value].operands[0]) } else { nil }
    }
}
