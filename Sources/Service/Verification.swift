import Collapse
import Compute
import Formats
import Model

/// Reads a written model back and holds it to what was predicted.
struct Verification {
    /// The written file as a graph.
    let graph: Graph
    /// What it was run on: held-out data, or random inputs without data.
    let samples: Dataset
    /// The largest difference between its outputs and the predicted ones.
    let maxAbsDifference: Double
    let bytes: Int
    let nodes: Int

    /// Relative to the largest output.
    static let tolerance = 1e-4
    /// More samples prove no more.
    private static let sampleLimit = 2000

    /// - Parameters:
    ///   - path: of the written file.
    ///   - predicted: what it should compute.
    ///   - original: with the inputs that both have.
    ///   - data: what to run them on.
    /// - Throws: ``Failure`` when the file computes something else.
    init(of path: String, predicted: Graph, original: Graph, data: CompressionData) throws {
        let written = try SourceModel(path)
        let batch = original.batchSize
        var shapes: [String: [Int]] = [:]
        for input in original.inputs {
            shapes[original[input].name] = Array(original.shape(input).dimensions.dropFirst())
        }
        graph = try written.document.lower(batch: batch, samples: shapes)
        bytes = written.byteCount
        nodes = written.document.model.nodes.count
        samples =
            if let validation = data.validation {
                validation.samples(0..<min(Self.sampleLimit, validation.count))
            } else {
                try Dataset(randomFor: original, count: batch)
            }
        var largest = 0.0
        for (expected, found) in zip(predicted.outputs, graph.outputs) where graph.type(found.value).element == .float32
        {
            let left = try Inference(predicted, fetching: [expected.value]).outputs(for: samples)[0]
            let right = try Inference(graph, fetching: [found.value]).outputs(for: samples)[0]
            let difference = Double(left.maxAbsoluteDifference(from: right))
            let scale = left.floats.reduce(1) { max($0, abs($1)) }
            guard difference <= Self.tolerance * Double(scale) else {
                throw Failure(
                    .internalError,
                    "the written model's output '\(found.name)' differs from the predicted one by \(difference)",
                    hint: "please report this with the model")
            }
            largest = max(largest, difference)
        }
        maxAbsDifference = largest
    }
}

extension Dataset {
    /// Inputs when there are no data: numbers around zero, and zeros where integers are wanted.
    fileprivate init(randomFor graph: Graph, count: Int) throws {
        var random = SeededRandom(seed: 0)
        var inputs: [String: Tensor] = [:]
        for input in graph.inputs {
            let type = graph.type(input)
            guard type.element == .float32 else {
                inputs[graph[input].name] = try Tensor(type.element, zeros: type.shape)
                continue
            }
            let values = (0..<type.shape.elementCount).map { _ in
                // The sum of four uniform numbers is as good as normal here.
                (0..<4).reduce(Float(-2)) { sum, _ in sum + Float(random.next() >> 40) / Float(1 << 24) }
            }
            inputs[graph[input].name] = try Tensor(values, type.shape)
        }
        self.init(inputs: inputs, count: count)
    }
}
