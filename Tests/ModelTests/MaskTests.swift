import Compute
import Testing

@testable import Model

/// The network `x W^T`, on samples of several positions.
private func network(_ sizes: [Int]) throws -> Graph {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape(sizes + [3])))
    let weight = graph.addParameter(
        Parameter(name: "weight", tensor: try random(Shape([5, 3]), seed: 1, -1...1), isTrainable: true))
    graph.addOutput("y", try graph.append(.matMul(transposeLeft: false, transposeRight: true), [x, weight]))
    return graph
}

private func losses(
    _ graph: Graph, _ inputs: [String: Tensor], count: Int, _ loss: Loss, runsPerStep: Int = 1, mask: String? = nil
) throws -> (losses: [Float], weight: Tensor) {
    let objective = Objective(terms: [.init(loss, of: graph.outputs[0].value, target: "target", mask: mask)])
    let options = TrainingOptions(
        steps: 10, learningRate: 0.05, optimizer: .sgd(momentum: 0.9, weightDecay: 0), isShuffled: false,
        runsPerStep: runsPerStep)
    var losses: [Float] = []
    let trained = try graph.trained(
        objective, trainable: [0], on: Dataset(inputs: inputs, count: count), options: options
    ) { _, loss in losses.append(loss) }
    return (losses, trained.parameters[0].tensor)
}

@Test(arguments: [Loss.distillation, .meanSquare])
func `what a mask leaves out counts as if it were not there`(loss: Loss) throws {
    let (samples, places) = (4, 3)
    let mask = [true, true, false, true, false, false, true, true, true, true, false, false]
    let counted = mask.indices.filter { mask[$0] }
    let x = try random(Shape([samples, places, 3]), seed: 2, -2...2)
    let target = try random(Shape([samples, places, 5]), seed: 3, -2...2)
    func compact(_ tensor: Tensor, width: Int) throws -> Tensor {
        let values = tensor.floats
        return try Tensor(counted.flatMap { values[($0 * width)..<(($0 + 1) * width)] }, Shape([counted.count, width]))
    }
    let without = try losses(
        network([counted.count]), ["x": compact(x, width: 3), "target": compact(target, width: 5)],
        count: counted.count, loss)
    for runs in [1, 2, 4] {
        let with = try losses(
            network([samples / runs, places]),
            ["x": x, "target": target, "mask": try Tensor(mask, Shape([samples, places]))], count: samples, loss,
            runsPerStep: runs, mask: "mask")
        #expect(zip(with.losses, without.losses).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(with.weight.maxAbsoluteDifference(from: without.weight) < 1e-5)
    }
}
