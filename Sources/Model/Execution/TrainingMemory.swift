/// The memory that a training would take.
package struct TrainingMemory: Sendable {
    /// The bytes of the frozen prefix's outputs, computed for every sample before the first step.
    package let frozenBytes: Int
    /// The bytes of the plan that computes them.
    package let prefixBytes: Int
    /// The bytes of the training steps.
    package let stepBytes: Int

    package var peakBytes: Int { frozenBytes + max(prefixBytes, stepBytes) }

    /// - Parameters:
    ///   - graph: the network.
    ///   - objective: the function to minimise.
    ///   - trainable: the indices of the parameters to train.
    ///   - sampleCount: the number of training samples.
    ///   - options: the options of the training.
    /// - Throws: ``ModelError`` for an op without a gradient between the loss and the parameters.
    package init(
        _ graph: Graph, _ objective: Objective, trainable: Set<Int>, sampleCount: Int, _ options: TrainingOptions
    ) throws(ModelError) {
        guard let (prefix, rest) = graph.cut(objective, trainable: trainable, sampleCount: sampleCount) else {
            (frozenBytes, prefixBytes) = (0, 0)
            stepBytes = try TrainingGraph(graph, objective, trainable: trainable, options).byteCount(options)
            return
        }
        frozenBytes = graph.byteCount(of: prefix, sampleCount: sampleCount)
        prefixBytes = try ExecutionPlan.byteCount(of: graph, fetching: prefix.frontier.map(\.value))
        stepBytes = try TrainingGraph(prefix.rest, rest, trainable: trainable, options).byteCount(options)
    }
}
