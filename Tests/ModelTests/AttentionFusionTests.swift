import Compute
import Testing

@testable import Model

@Test(arguments: TransformerBlock.Spelling.allCases, [true, false])
private func `a block computes the same in few ops as in many`(spelling: TransformerBlock.Spelling, readsOnePlace: Bool)
    throws
{
    let block = try TransformerBlock(spelling, readsOnePlace: readsOnePlace)
    let x = try block.samples
    let expected = try block.plainOutput(x).floats
    let inference = try Inference(block.graph, fetching: [block.output])
    let found = try inference.outputs(for: Dataset(inputs: ["x": x], count: x.shape[0]))[0].floats
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    let (graph, fetched) = try block.graph.prepared(fetching: [block.output], trained: [])
    #expect(count(graph, fetching: fetched, where: isAttention) == 1)
    #expect(count(graph, fetching: fetched, where: isSoftmax) == 0)
}

@Test(arguments: TransformerBlock.Spelling.allCases, [true, false])
private func `a block has the same derivatives in few ops as in many`(
    spelling: TransformerBlock.Spelling, readsOnePlace: Bool
) throws {
    let block = try TransformerBlock(spelling, readsOnePlace: readsOnePlace)
    let x = try block.samples
    let target = try random(block.graph.shape(block.output), seed: 5, -1...1)

    func derivatives(_ graph: Graph, _ output: ValueID) throws -> [[Float]] {
        var graph = graph
        let goal = graph.addInput("goal", .float(graph.shape(output)))
        let loss = try graph.append(.meanSquare, [output, goal])
        let parameters = graph.values.filter { graph.parameterIndex($0) != nil }
        let gradients = try graph.gradients(of: loss, withRespectTo: parameters).map { try #require($0) }
        let plan = try ExecutionPlan(graph, fetching: gradients)
        plan.tensor(graph.inputs[0]).copy(from: x)
        plan.tensor(goal).copy(from: target)
        plan.run()
        return gradients.map { plan.tensor($0).floats }
    }

    let (graph, fetched) = try block.graph.prepared(
        fetching: [block.output], trained: Set(block.graph.parameters.indices))
    let found = try derivatives(graph, fetched[0])
    let expected = try derivatives(block.graph, block.output)
    #expect(found.count == expected.count)
    for (left, right) in zip(found, expected) {
        let scale = right.reduce(1e-3) { max($0, abs($1)) }
        #expect(zip(left, right).allSatisfy { abs($0 - $1) < 2e-5 * scale })
    }
}

@Test func `attention weights that somebody reads stay to be read`() throws {
    let block = try TransformerBlock(.separate, readsOnePlace: false)
    let shares = try #require(
        block.graph.values.first { if case .softmax = block.graph[$0].op { true } else { false } })
    let (graph, fetched) = try block.graph.prepared(fetching: [block.output, shares], trained: [])
    #expect(count(graph, fetching: fetched, where: isAttention) == 0)
}
