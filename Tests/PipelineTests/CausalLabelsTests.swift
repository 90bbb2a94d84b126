import Compute
import Model
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct CausalLabelsTests {
    /// A network with logits of seven tokens at each of four positions.
    private static func network() throws -> Graph {
        var graph = Graph()
        let ids = graph.addInput("input_ids", ValueType(.int64, try Shape([2, 4])))
        _ = graph.addInput("attention_mask", ValueType(.int64, try Shape([2, 4])))
        let table = graph.addParameter(
            Parameter(name: "table", tensor: try Tensor(zeros: Shape([7, 7])), isTrainable: true))
        graph.addOutput("logits", try graph.append(.gather(axis: 0), [table, ids]))
        return graph
    }

    private static func causal(labels: [Int64]?, ids: [Int64] = [1, 2, 3, 4, 5, 6, 0, 0]) throws -> [Int64]? {
        let graph = try network()
        let shape = try Shape([2, 4])
        let samples = Dataset(
            inputs: [
                "input_ids": try Tensor(ids, shape),
                "attention_mask": try Tensor([1, 1, 1, 1, 1, 1, 0, 0] as [Int64], shape),
            ], labels: try labels.map { try Tensor($0, shape) }, count: 2)
        return try samples.causal(for: graph, output: graph.outputs[0].value).samples.labels?.int64s
    }

    @Test func `the label of a token is the one that follows, and padding has none`() throws {
        #expect(try Self.causal(labels: nil) == [2, 3, 4, -100, 6, -100, -100, -100])
    }

    @Test func `labels that are the tokens are shifted, others were shifted before`() throws {
        #expect(
            try Self.causal(labels: [-100, -100, 3, 4, 5, 6, -100, -100]) == [-100, 3, 4, -100, 6, -100, -100, -100])
        let given: [Int64] = [2, 3, 4, 5, 6, 0, -100, -100]
        #expect(try Self.causal(labels: given) == given)
    }

    @Test func `a token that has no logit is refused`() throws {
        let failure = #expect(throws: Problem.self) { try Self.causal(labels: nil, ids: [1, 2, 7, 4, 5, 6, 0, 0]) }
        #expect(failure?.code == .labelOutOfRange)
        #expect(failure?.detail == "token 7 in key 'input_ids': the model has logits for 7")
    }
}
