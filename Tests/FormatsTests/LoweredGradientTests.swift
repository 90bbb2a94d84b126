import Compute
import Model
import Testing

@testable import Formats

/// Operators that are lowered to many ops, and the operands through which their gradient is held to differences.
private let cases: [(network: String, operands: [String])] = [
    ("gridsample_bilinear_zeros_0", ["x"]), ("gridsample_bilinear_border_1", ["x", "x0"]),
    ("gridsample_bicubic_reflection_1", ["x", "x0"]), ("gridsample_3d_linear", ["x"]),
    ("roialign_avg_half_pixel", ["x", "x0"]), ("roialign_max_output_half_pixel", ["x"]),
    ("contributed_attention_queries", ["x"]), ("contributed_attention_past", ["x", "past"]),
    ("contributed_heads_bias", ["x", "k", "v"]), ("contributed_fusedgemm_elu", ["x"]),
    ("contributed_rotation_places", ["x"]),
]

@Test(arguments: cases)
private func `the gradient of a lowered operator equals the difference quotient`(
    network: String, operands: [String]
) throws {
    let inputs = try Operators.tensors(network, "in")
    let batch = try #require(inputs["x"]?.shape.dimensions.first)
    var graph = try ONNXDocument(Fixture.path("ops/\(network).onnx")).lower(batch: batch)
    let result = try #require(graph.outputs.first { $0.name == "y" }).value
    // A projection makes a scalar whose gradient distinguishes all elements of the result.
    let count = graph.shape(result).elementCount
    let weights = try Tensor((0..<count).map { 0.5 + Float($0 * 7 % 11) / 11 }, graph.shape(result))
    let product = try graph.append(.binary(.multiply), [result, graph.append(.constant(weights), [])])
    let axes = Array(graph.shape(product).dimensions.indices)
    let loss = try graph.append(.reduce(.sum, axes: axes, keepsAxes: false), [product])
    let targets = try operands.map { name in try #require(graph.inputs.first { graph[$0].name == name }) }
    let gradients = try graph.gradients(of: loss, withRespectTo: targets).map { try #require($0) }
    let plan = try ExecutionPlan(graph, fetching: [loss] + gradients)
    for value in graph.inputs { plan.tensor(value).copy(from: try #require(inputs[graph[value].name])) }
    plan.run()
    let derivatives = gradients.map { plan.tensor($0).floats }
    for (index, target) in targets.enumerated() {
        let original = plan.tensor(target).floats
        let scale = max(derivatives[index].map(abs).max() ?? 0, 1e-3)
        let step: Float = 2e-3
        for element in original.indices {
            func shifted(_ shift: Float) -> Float {
                var moved = original
                moved[element] += shift
                plan.tensor(target).copy(from: moved)
                plan.run()
                return plan.tensor(loss).floats[0]
            }
            let quotient = (shifted(step) - shifted(-step)) / (2 * step)
            let error = abs(quotient - derivatives[index][element]) / scale
            #expect(error < 1e-2, "\(operands[index]) \(element): \(derivatives[index][element]), \(quotient)")
        }
        plan.tensor(target).copy(from: original)
    }
}
