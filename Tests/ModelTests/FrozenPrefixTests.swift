import Compute
import Testing

@testable import Model

@Test func `caching what cannot change gives the same network`() throws {
    let graph = try TrainedNetwork.network(batch: 4)
    let choices = TrainedNetwork.options(.adamW(weightDecay: 0), steps: 30)
    let cached = try graph.trained(
        TrainedNetwork.objective(graph), trainable: [1], on: TrainedNetwork.samples(20), options: choices,
        afterStep: { _, _ in })
    let plain = try Trainer(
        graph, objective: TrainedNetwork.objective(graph), trainable: [1], dataset: TrainedNetwork.samples(20),
        options: choices)
    for _ in 0..<30 { _ = try plain.takeStep() }
    let expected = try #require(plain.parameter(1))
    #expect(cached.parameters[1].tensor.maxAbsoluteDifference(from: expected) < 1e-5)
    #expect(cached.parameters[0].tensor.floats == graph.parameters[0].tensor.floats)
    #expect(cached.parameters[1].tensor.floats != graph.parameters[1].tensor.floats)
}

@Test func `the cut is before the first trained parameter`() throws {
    let graph = try TrainedNetwork.network(batch: 4)
    let prefix = try #require(FrozenPrefix(of: graph, trainable: [1], batchSize: 4))
    let hidden = try #require(graph.values.first { if case .unary = graph[$0].op { true } else { false } })
    #expect(prefix.frontier.map(\.value) == [hidden])
    #expect(prefix.rest.inputs.map { prefix.rest.inputName($0) } == ["frozen/0"])
    #expect(prefix.rest.parameters.map(\.name) == graph.parameters.map(\.name))
    #expect(prefix.moved[graph.inputs[0].index] == nil)
    #expect(prefix.rest.outputs.map(\.name) == ["y"])
}

@Test(arguments: [[0], [0, 1]])
func `nothing is cut where the first layer is trained`(trainable: [Int]) throws {
    let graph = try TrainedNetwork.network(batch: 4)
    #expect(FrozenPrefix(of: graph, trainable: Set(trainable), batchSize: 4) == nil)
}

@Test func `a prefix that would take too much memory is computed in each step`() throws {
    let graph = try TrainedNetwork.network(batch: 4)
    // Four floats a sample: 2^26 samples are 1 GiB.
    #expect(graph.cut(TrainedNetwork.objective(graph), trainable: [1], sampleCount: 1 << 26) != nil)
    #expect(graph.cut(TrainedNetwork.objective(graph), trainable: [1], sampleCount: (1 << 26) + 4) == nil)
}
