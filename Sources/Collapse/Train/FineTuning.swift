import Compute
import Model
import Options

/// Trains a network after a collapse, by default without labels: the original network is the teacher.
struct FineTuning {
    let lessons: TrainingTargets
    let options: JobOptions
    let heldOut: HeldOut
    var keeper = CheckpointKeeper.none
    let tell: (CollapseEvent) -> Void

    /// Trains a point.
    ///
    /// - Parameters:
    ///   - point: the point after the collapse.
    ///   - samples: the training samples.
    /// - Returns: the trained point, or the same one when training did not help on held-out samples.
    /// - Throws: ``ModelError``, for example when a loss is not a number.
    func run(_ point: ParetoPoint, on samples: Dataset) throws(ModelError) -> ParetoPoint {
        let graph = point.graph
        let new = Set(graph.parameters.indices.filter { graph.parameters[$0].isNew })
        let runs = graph.runsPerStep(batch: options.batchSize ?? graph.batchSize, samples: samples.count)
        let batch = graph.batchSize * runs
        let plan = TrainingPlan.fineTuning(options, stepsPerEpoch: max(1, samples.count / batch))
        let trainable = graph.trainable(options.train, collapsed: new)
        guard plan.steps > 0, samples.count >= batch, !trainable.isEmpty else { return point }
        tell(.phase(.finetuning))
        let training = plan.options(seed: options.seed, isShuffled: options.shuffle, runsPerStep: runs)
        let teach = { (trainer: Trainer, loss: Float) in
            tell(.step(TrainingStep(trainer, loss: loss, plan, batchSize: batch)))
        }
        let work = "finetuning-\(point.layers)"
        let isLocal = graph.obstacle(from: lessons.task.logits(of: graph), to: trainable) != nil
        let trained: Graph
        if isLocal {
            let blocks = Self.layers(graph, new).map { (graph[$0].operands[0], $0) }
            trained = try BlockTargets(original: lessons.original, graph: graph, blocks: blocks)
                .trained(
                    new.intersection(trainable), on: samples, options: training, as: work, keeper: keeper,
                    afterStep: teach)
        } else {
            let (objective, samples) = try lessons.prepare(
                for: graph, streams: Self.streams(of: graph, new, original: lessons.original), on: samples)
            trained = try graph.trained(
                objective, trainable: trainable, on: samples, options: training, as: work, keeper: keeper,
                afterStep: teach)
        }
        let tuned = try ParetoPoint(trained, collapsed: point.collapsed, heldOut: heldOut)
        guard let before = point.comparison, let after = tuned.comparison else { return tuned }
        // Labels pull away from the original by intent; without them, nearer is better.
        if !isLocal, options.finetune == .labels || options.finetune == .mix { return tuned }
        return after.divergence <= before.divergence ? tuned : point
    }

    /// The collapsed layers.
    private static func layers(_ graph: Graph, _ new: Set<Int>) -> [ValueID] {
        graph.values.filter { value in
            switch graph[value].op {
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
