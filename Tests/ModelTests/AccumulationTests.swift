import Compute
import Testing

@testable import Model

/// The network `relu(x W1^T)`, a PReLU whose slope is pulled to one, and `W2`.
private func network(batch: Int) throws -> Graph {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([batch, 3])))
    let first = graph.addParameter(
        Parameter(name: "first", tensor: try random(Shape([4, 3]), seed: 1, -1...1), isTrainable: true))
    let slope = graph.addParameter(
        Parameter(name: "slope", tensor: try Tensor([0.25] as [Float], Shape([1])), isTrainable: true))
    let second = graph.addParameter(
        Parameter(name: "second", tensor: try random(Shape([2, 4]), seed: 2, -1...1), isTrainable: true))
    let linear = Op.matMul(transposeLeft: false, transposeRight: true)
    let hidden = try graph.append(.prelu, [try graph.append(linear, [x, first]), slope])
    graph.addOutput("y", try graph.append(linear, [hidden, second]))
    return graph
}

private func samples(_ count: Int) throws -> Dataset {
    // Every fifth label is ignored, so that the parts of a batch have different shares.
    let labels = (0..<count).map { $0 % 5 == 0 ? Loss.ignoredLabel : Int64($0 % 2) }
    return Dataset(
        inputs: [
            "x": try random(Shape([count, 3]), seed: 5, -2...2), "target": try Tensor(labels, Shape([count])),
            "teacher": try random(Shape([count, 2]), seed: 6, -2...2),
        ], count: count)
}

private func losses(
    _ batch: Int, runsPerStep: Int, _ optimizer: Optimizer, trainable: Set<Int>
) throws -> (losses: [Float], graph: Graph) {
    let graph = try network(batch: batch)
    let value = graph.outputs[0].value
    let objective = Objective(
        terms: [
            .init(.crossEntropy, of: value, target: "target", weight: 0.5),
            .init(.distillation, of: value, target: "teacher", weight: 0.5),
        ], slopePenalties: [.init(parameter: 1, strength: 0.5)])
    let options = TrainingOptions(
        steps: 12, learningRate: 0.05, optimizer: optimizer, seed: 11, runsPerStep: runsPerStep)
    var losses: [Float] = []
    let trained = try graph.trained(objective, trainable: trainable, on: samples(50), options: options) { _, loss in
        losses.append(loss)
    }
    return (losses, trained)
}

@Test(
    arguments: [
        (.sgd(momentum: 0.9, weightDecay: 0.01), [0, 1, 2]), (.adamW(weightDecay: 0.01), [0, 1, 2]),
        (.adamW(weightDecay: 0), [1, 2]),
    ] as [(Optimizer, [Int])])
func `small batches that add up to a large one train as the large one does`(
    optimizer: Optimizer, trained: [Int]
) throws {
    let trainable = Set(trained)
    let whole = try losses(8, runsPerStep: 1, optimizer, trainable: trainable)
    for batch in [1, 2, 4] {
        let parts = try losses(batch, runsPerStep: 8 / batch, optimizer, trainable: trainable)
        #expect(zip(whole.losses, parts.losses).allSatisfy { abs($0 - $1) < 1e-5 })
        for index in trainable {
            let distance = whole.graph.parameters[index].tensor
                .maxAbsoluteDifference(from: parts.graph.parameters[index].tensor)
            #expect(distance < 1e-4)
        }
    }
}

@Test func `as many runs make a batch as the samples are enough for`() throws {
    let graph = try network(batch: 4)
    #expect(graph.runsPerStep(batch: 4, samples: 100) == 1)
    #expect(graph.runsPerStep(batch: 32, samples: 100) == 8)
    #expect(graph.runsPerStep(batch: 30, samples: 100) == 8)
    #expect(graph.runsPerStep(batch: 32, samples: 31) == 7)
    #expect(graph.runsPerStep(batch: 1, samples: 3) == 1)
    #expect(graph.runsPerStep(batch: .max, samples: 3) == 1)
}
