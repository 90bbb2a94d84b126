/// What a training would take, before it takes it.
package struct TrainingMemory: Sendable {
    /// What is computed of every sample before the first step.
    package let frozenBytes: Int
    /// While that is computed.
    package let prefixBytes: Int
    /// While there are steps.
    package let stepBytes: Int

    package var peakBytes: Int { frozenBytes + max(prefixBytes, stepBytes) }

    /// - Parameters:
    ///   - graph: the network.
    ///   - objective: what would become small.
    ///   - trainable: indices of the parameters that would change.
    ///   - sampleCount: of the training.
    ///   - options: how it would be trained.
    /// - Throws: ``ModelError`` for an op without a derivative on the way.
    package init(
        _ graph: Graph, _ objective: Objective, trainable: Set<Int>, sampleCount: Int, _ options: TrainingOptions
    ) throws(ModelError) {
        guard let (prefix, rest) = try graph.cut(objective, trainable: trainable, sampleCount: sampleCount) else {
            (frozenBytes, prefixBytes) = (0, 0)
            stepBytes = try TrainingGraph(graph, objective, trainable: trainable, options).byteCount(options)
            return
        }
        frozenBytes = graph.byteCount(of: prefix, sampleCount: sampleCount)
        prefixBytes = try ExecutionPlan.byteCount(of: graph, fetching: prefix.frontier.map(\.value))
        stepBytes = try TrainingGraph(prefix.rest, rest, trainable: trainable, options).byteCount(options)
    }
}
