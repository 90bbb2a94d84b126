import Collapse
import Compute
import Foundation
import Model
import Options
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct VerificationTests {
    @Test(arguments: [true, false])
    func `a file that answers otherwise than predicted is found out`(hasData: Bool) throws {
        let model = try SourceModel(Samples.mlp)
        let order = CompressionOrder(
            model: Samples.mlp, data: hasData ? Samples.digits : nil,
            options: try JobOptions(decoding: JSONValue.Object([("method", "merge")])), output: "")
        let data = try CompressionData(model, order, order.options.checked(hasData: hasData))
        let original = try data.compared(of: data.graph)
        let same = try Verification(
            of: Samples.mlp, predicted: data.graph, known: original, original: data.graph, data: data)
        #expect(same.maxAbsDifference == 0)
        #expect(same.outputs.map(\.floats) == original?.outputs.map(\.floats) ?? [])
        #expect(same.outputs.count == (hasData ? 1 : 0))

        var other = data.graph
        let bias = try #require(other.parameters.lastIndex { $0.tensor.shape.rank == 1 })
        for value in [Float(1), .nan] {
            var floats = data.graph.parameters[bias].tensor.floats
            floats[0] += value
            other.setParameter(bias, try Tensor(floats, Shape([floats.count])))
            let failure = #expect(throws: Problem.self) {
                try Verification(
                    of: Samples.mlp, predicted: other, known: try data.compared(of: other), original: data.graph,
                    data: data)
            }
            #expect(failure?.detail.contains("differs from the predicted one by") == true)
        }
    }
}
