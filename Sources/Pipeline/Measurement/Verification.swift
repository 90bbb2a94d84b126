import Collapse
import Compute
import Formats
import JobContract
import Model

/// Reads a written model back and compares its outputs with the predicted ones.
struct Verification {
    /// The written file as a graph.
    let graph: Graph
    /// The samples of the comparison: validation data, or random inputs without data.
    let samples: Dataset
    /// The largest absolute difference between written and predicted outputs.
    let maxAbsDifference: Double
    let bytes: Int
    let nodes: Int

    /// The values of the written file that are compared, for the validation samples; empty without data.
    let outputs: [Tensor]

    /// Values of the predicted network for the validation samples, which are not computed again.
    struct Known {
        let values: [ValueID]
        let outputs: [Tensor]

        subscript(value: ValueID) -> Tensor? { values.firstIndex(of: value).map { outputs[$0] } }
    }

    /// - Parameters:
    ///   - path: path of the written file.
    ///   - predicted: the graph that the file should compute.
    ///   - known: the values of `predicted` that are compared, for the validation samples; nil without data.
    ///   - original: the original network, for its batch size and inputs.
    ///   - data: the samples to run.
    /// - Throws: ``Problem`` when the outputs differ.
    init(of path: String, predicted: Graph, known: Known?, original: Graph, data: CompressionData) throws {
        var written = try SourceModel(path)
        written.document.scalars = data.scalars
        let tolerance = written.document.roundingTolerance
        let batch = original.batchSize
        let graph = try written.document.lower(batch: batch, samples: Self.sampleShapes(of: original))
        bytes = written.byteCount
        nodes = written.document.model.nodes.count
        let samples = try data.validation ?? Dataset(randomFor: original, count: batch)

        let measured = Set(graph.measuredOutputs.filter(\.isItself).map(\.value))
        let pairs = zip(predicted.outputs, graph.outputs).filter { measured.contains($1.value) }
        let others = pairs.map(\.0.value).filter { known?[$0] == nil }
        let expecting = others.isEmpty ? nil : try Inference(predicted, fetching: others)
        let compared = known == nil ? [] : data.comparedValues(in: graph)
        let finding = try Inference(graph, fetching: pairs.map(\.1.value) + compared)
        let outputs = try (known?.outputs ?? []).map { try Tensor(zeros: $0.shape) }
        var (differences, scales) = (pairs.map { _ in 0.0 }, pairs.map { _ in 1.0 })
        try finding.forEachBatch(of: samples) { (range, found) throws(ModelError) in
            for (output, part) in zip(outputs, found.dropFirst(pairs.count)) {
                output.samples(range, of: samples.count).copy(from: part)
            }
            func compare(_ others: [Tensor]) {
                var others = others[...]
                for (index, pair) in pairs.enumerated() {
                    let expected =
                        if let known = known?[pair.0.value] { known.samples(range, of: samples.count) } else {
                            others.removeFirst()
                        }
                    let difference = Double(expected.maxAbsoluteDifference(from: found[index]))
                    // `max` may drop a NaN.
                    let isNumber = !difference.isNaN && !differences[index].isNaN
                    differences[index] = isNumber ? max(differences[index], difference) : .nan
                    scales[index] = expected.floats.reduce(scales[index]) { max($0, Double(abs($1))) }
                }
            }
            guard let expecting else { return compare([]) }
            try expecting.forEachBatch(of: samples.samples(range)) { compare($1) }
        }
        for (index, pair) in pairs.enumerated() where !(differences[index] <= tolerance * scales[index]) {
            throw Problem(
                .internalError,
                "the written model's output '\(pair.1.name)' differs from the predicted one by \(differences[index])",
                hint: "please report this with the model")
        }
        maxAbsDifference = differences.max() ?? 0
        (self.graph, self.samples, self.outputs) = (graph, samples, outputs)
    }
}

extension Verification {
    /// The sizes of a sample of each input of a network.
    static func sampleShapes(of graph: Graph) -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for input in graph.inputs {
            shapes[graph[input].name] = Array(graph.shape(input).dimensions.dropFirst())
        }
        return shapes
    }
}

extension CompressionData {
    /// The values that are compared: the logits of each output, as ``HeldOut/measured(_:)`` takes them.
    fileprivate func comparedValues(in graph: Graph) -> [ValueID] { tasks.map { $0.logits(of: graph) } }

    /// Computes the values that are compared for the validation samples; nil without data.
    func compared(of graph: Graph) throws(ModelError) -> Verification.Known? {
        guard let validation else { return nil }
        let values = comparedValues(in: graph)
        return Verification.Known(
            values: values, outputs: try Inference(graph, fetching: values).outputs(for: validation))
    }
}

extension Tensor {
    /// The rows of the samples in `range`, out of `count` samples.
    fileprivate func samples(_ range: Range<Int>, of count: Int) -> Tensor {
        let rows = (shape.dimensions.first ?? 1) / max(1, count)
        return self.rows((range.lowerBound * rows)..<(range.upperBound * rows))
    }
}

extension Dataset {
    /// Random inputs for use without data: numbers around zero, and zeros for integer inputs.
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
                // A sum of four uniform numbers is close enough to a normal one.
                (0..<4).reduce(Float(-2)) { sum, _ in sum + Float(random.next() >> 40) / Float(1 << 24) }
            }
            inputs[graph[input].name] = try Tensor(values, type.shape)
        }
        self.init(inputs: inputs, count: count)
    }
}
