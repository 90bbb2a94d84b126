import Compute
import Model
import Options

/// The training of a changed network against its original: as a whole where a gradient reaches its own layers, and block
/// by block where none does.
struct TrainingSession {
    /// An input and an output of a block.
    typealias Block = (input: ValueID, output: ValueID)

    let plan: TrainingPlan
    /// Samples of a step.
    let batch: Int
    let stepsPerEpoch: Int
    /// The indices of the parameters that are trained.
    let trainable: Set<Int>
    /// True when each block is trained on its own output.
    let isLocal: Bool

    private let graph: Graph
    private let own: Set<Int>
    private let targets: TrainingTargets
    private let samples: Dataset
    private let options: TrainingOptions

    /// - Parameters:
    ///   - graph: the network to train.
    ///   - own: the indices of the parameters that the change made or is about.
    ///   - targets: the targets of the training.
    ///   - samples: the training samples.
    ///   - options: the options of the job.
    ///   - plan: makes the plan of the options and the steps of an epoch.
    init(
        of graph: Graph, own: Set<Int>, targets: TrainingTargets, on samples: Dataset, options: JobOptions,
        plan: (JobOptions, Int) -> TrainingPlan
    ) {
        let runs = graph.runsPerStep(batch: options.batchSize ?? graph.batchSize, samples: samples.count)
        batch = graph.batchSize * runs
        stepsPerEpoch = max(1, samples.count / batch)
        self.plan = plan(options, stepsPerEpoch)
        trainable = graph.trainable(options, targets.task, collapsed: own)
        isLocal = graph.obstacle(from: targets.task.logits(of: graph), to: trainable) != nil
        self.options = self.plan.options(seed: options.seed, isShuffled: options.shuffle, runsPerStep: runs)
        (self.graph, self.own, self.targets, self.samples) = (graph, own, targets, samples)
    }

    /// Trains the network.
    ///
    /// - Parameters:
    ///   - work: the name of the training.
    ///   - blocks: the blocks that are trained where no gradient reaches them.
    ///   - streams: the names of values that are trained to match the original's, where a gradient reaches them.
    ///   - penalties: the penalties of slopes.
    ///   - keeper: the keeper of checkpoints.
    ///   - isFinishing: true when the training is to end before its next step.
    ///   - halfway: receives the network after half of the steps; false ends the training there. Blocks that are trained
    ///     on their own are trained to the end.
    ///   - afterStep: receives the loss before each step.
    /// - Returns: the trained network.
    /// - Throws: ``ModelError``, for example when a loss is not a number.
    func run(
        _ work: String, blocks: () -> [Block], streams: () -> [String] = { [] },
        penalties: [Objective.SlopePenalty] = [], keeper: CheckpointKeeper, isFinishing: () -> Bool,
        halfway: (Graph) throws(ModelError) -> Bool = { _ in true }, afterStep: (Trainer, Float) -> Void
    ) throws(ModelError) -> Graph {
        if isLocal {
            return try BlockTargets(original: targets.original, graph: graph, blocks: blocks())
                .trained(
                    own.intersection(trainable), penalties: penalties, on: samples, options: options, as: work,
                    keeper: keeper, isFinishing: isFinishing, afterStep: afterStep)
        }
        let (seen, options) = try self.seen()
        var (objective, samples) = try targets.prepare(for: graph, streams: streams(), on: seen)
        if !penalties.isEmpty { objective.slopePenalties = penalties }
        return try graph.trained(
            objective, trainable: trainable, on: samples, options: options, as: work, keeper: keeper,
            isFinishing: isFinishing, halfway: halfway, afterStep: afterStep)
    }

    /// The samples that the steps see, and the options that read them in the same order. Nothing is computed of the
    /// others: a file may have many more than a training needs.
    func seen() throws(ModelError) -> (samples: Dataset, options: TrainingOptions) {
        guard
            Self.seenCount(of: samples.count, bytesPerSample: graph.inputBytesPerSample, plan.steps, batch: batch)
                < samples.count
        else { return (samples, options) }
        let order = BatchOrder(
            sampleCount: samples.count, batchSize: batch, isShuffled: options.isShuffled, seed: options.seed)
        guard let places = order.samples(ofSteps: plan.steps) else { return (samples, options) }
        var inOrder = options
        inOrder.isShuffled = false
        return (try samples.samples(places), inOrder)
    }

    /// The maximum memory of copied samples; larger ones stay where they are, together with those that no step sees.
    private static let copyByteLimit = 1 << 30

    /// The number of samples for which targets are computed.
    static func seenCount(of count: Int, bytesPerSample: Int, _ steps: Int, batch: Int) -> Int {
        // Whole batches: what is left of an epoch is not seen.
        guard batch <= count, steps > 0, steps < count / batch, steps * batch * bytesPerSample <= copyByteLimit else {
            return count
        }
        return steps * batch
    }
}
