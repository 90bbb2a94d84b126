import Compute
import Testing

@testable import Model

/// A small network with what is needed to train it.
enum TrainedNetwork {
    /// A linear layer behind a frozen one: `relu(x W1^T) W2^T`.
    static func network(batch: Int) throws -> Graph {
        var graph = Graph()
        let x = graph.addInput("x", .float(try Shape([batch, 3])))
        let first = graph.addParameter(
            Parameter(name: "first", tensor: try random(Shape([4, 3]), seed: 1, -1...1), isTrainable: true))
        let second = graph.addParameter(
            Parameter(name: "second", tensor: try random(Shape([2, 4]), seed: 2, -1...1), isTrainable: true))
        let linear = Op.matMul(transposeLeft: false, transposeRight: true)
        let hidden = try graph.append(.unary(.relu), [try graph.append(linear, [x, first])])
        graph.addOutput("y", try graph.append(linear, [hidden, second]))
        return graph
    }

    static func samples(_ count: Int) throws -> Dataset {
        let labels = (0..<count).map { Int64($0 % 2) }
        return Dataset(
            inputs: [
                "x": try random(Shape([count, 3]), seed: 5, -2...2), "target": try Tensor(labels, Shape([count])),
            ], count: count)
    }

    static func objective(_ graph: Graph) -> Objective {
        Objective(terms: [.init(.crossEntropy, of: graph.outputs[0].value, target: "target")])
    }

    static func options(_ optimizer: Optimizer, steps: Int, isShuffled: Bool = true) -> TrainingOptions {
        TrainingOptions(steps: steps, learningRate: 0.05, optimizer: optimizer, isShuffled: isShuffled, seed: 11)
    }
}
