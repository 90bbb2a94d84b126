// Test support: whole compressions of residual networks.

import Compute
import Model
import Options
import Testing

@testable import Collapse

/// Runs a whole compression of a test network.
struct Collapsing {
    var graph: Graph
    var data: Dataset
    var options = JobOptions()

    /// Creates a compression that collapses whole blocks by the ridge method, without fine-tuning.
    init(_ graph: Graph, on data: Dataset) {
        (self.graph, self.data) = (graph, data)
        options.method = .ridge
        options.replacements = ["affine"]
        options.finetune = .none
    }

    var task: PredictionTask { PredictionTask(of: graph, labels: data.labels, options: options) }

    func samples() throws -> Samples {
        try Samples(data, calibrationCount: options.calibrationSamples, keepsAll: false, seed: options.seed)
    }

    func run(
        keeper: CheckpointKeeper = .none, _ emit: @escaping (CollapseEvent) -> Void = { _ in },
        isFinishing: @escaping () -> Bool = { false }
    ) throws -> Collapser.Outcome {
        try Collapser(
            graph, task: task, samples: samples(), options: options, keeper: keeper,
            isFinishing: isFinishing, emit: emit
        ).run()
    }
}

/// Blocks `x + MLP(x)` and a head of four classes.
///
/// - Parameters:
///   - count: the number of blocks, named `blocks.0` and so on.
///   - linear: the blocks with biases so large that no hidden value is ever negative.
///   - gain: the factor of the head's logits.
/// - Returns: the network at batch size 16.
/// - Throws: an error when there is no memory.
func residualNetwork(_ count: Int, linear: Set<Int> = [], gain: Float = 1) throws -> Graph {
    var network = try Network(batch: 16, [6], seed: 5)
    for index in 0..<count {
        let (name, stream) = ("blocks.\(index)", network.value)
        try network.linear(name + ".fc1", 24, offset: linear.contains(index) ? 20...21 : -0.5...0.5)
        try network.unary(.relu, name + ".act")
        try network.linear(name + ".fc2", 6, offset: -0.1...0.1)
        if linear.contains(index) {
            // The mean that the large biases add is subtracted, so that the stream remains small.
            let mean = try outputMean(network.graph, network.value)
            try network.graph.changeOperand(2, of: network.value) { zip($0, mean.floats).map { $0 - $1 } }
        }
        try network.append(.binary(.add), [stream], name + ".sum")
    }
    try network.linear("head", 4, bias: .none)
    try network.graph.changeOperand(1, of: network.value) { $0.map { $0 * gain } }
    return network.finished()
}

private func outputMean(_ graph: Graph, _ value: ValueID) throws -> Tensor {
    let outputs = try graph.outputs(of: value, for: inputs(160, [6], seed: 9))
    let width = outputs.shape[1]
    let means = (0..<width).map { column in
        stride(from: column, to: outputs.shape.elementCount, by: width).reduce(Float(0)) {
            $0 + outputs.floats[$1] / Float(outputs.shape[0])
        }
    }
    return try Tensor(means, Shape([width]))
}

extension Dataset {
    /// The data set with the classes that a network predicts as labels.
    func labelled(by graph: Graph) throws -> Dataset {
        let outputs = try logits(graph, self)
        let classes = outputs.shape[1]
        let labels = (0..<count).map { row in
            Int64(LogSoftmax(outputs.floats[(row * classes)..<((row + 1) * classes)]).largest)
        }
        return Dataset(inputs: inputs, labels: try Tensor(labels, Shape([count])), count: count)
    }
}

extension Graph {
    /// Changes the numbers of a parameter that an op reads.
    fileprivate mutating func changeOperand(_ place: Int, of value: ValueID, _ change: ([Float]) -> [Float]) throws {
        let index = try #require(parameterIndex(self[value].operands[place]))
        setParameter(index, try Tensor(change(parameters[index].tensor.floats), parameters[index].tensor.shape))
    }

    /// All numbers of all parameters, in order.
    var numbers: [[Float]] { parameters.map(\.tensor.floats) }
}
