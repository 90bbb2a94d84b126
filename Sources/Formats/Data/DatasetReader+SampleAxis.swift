package import Compute
import Model

extension DatasetReader {
    /// The shape of one sample of each input that the data have a key for.
    ///
    /// - Parameters:
    ///   - inputs: the names of the inputs.
    ///   - axes: the axes on which the model has its samples.
    ///   - labelKey: the key of the labels, if the user names it.
    ///   - inputKeys: the keys that the user names, by model input.
    /// - Returns: the sizes without that of the samples, by input.
    package func sampleShapes(
        of inputs: [String], axes: SampleAxes, labelKey: String? = nil, inputKeys: [String: String] = [:]
    ) -> [String: [Int]] {
        func shape(_ input: String, _ part: Part) -> [Int]? {
            find(names(for: input, isOnly: inputs.count == 1, inputKeys), part)?.array.tensor.shape.dimensions
        }
        var shapes: [String: [Int]] = [:]
        for input in inputs {
            for part in [Part.training, .unsplit, .validation] {
                guard var sizes = shape(input, part), !sizes.isEmpty else { continue }
                if axes[input] == 1, sizes.count > 1 {
                    let labels = find(labelKey.map { [$0] } ?? Self.labelNames, part)?.array.tensor.shape.dimensions
                    let others = inputs.filter { axes[$0] == 0 }.compactMap { shape($0, part) } + [labels ?? []]
                    // An open number of steps fits either order, so that only other arrays tell the samples.
                    let isFirst = others.contains { other in
                        other.first == sizes[0] && sizes[0] != sizes[1] && other.dropFirst().first != sizes[1]
                    }
                    if !isFirst { sizes.swapAt(0, 1) }
                }
                shapes[input] = Array(sizes.dropFirst())
                break
            }
        }
        return shapes
    }

    /// The array of an input with its samples first. Where the model has them on axis 1, so may the array; the model's
    /// order comes first where both fit.
    func samplesFirst(
        _ tensor: Tensor, of input: ValueID, in graph: Graph, key: String, _ notes: inout [String]
    ) throws(FormatError) -> Tensor {
        let sizes = tensor.shape.dimensions
        guard graph.sampleAxis(ofInput: input) == 1, sizes.count > 1 else { return tensor }
        let expected = graph.shape(input).dimensions.dropFirst()
        let fitsModel = expected.elementsEqual([sizes[0]] + sizes[2...])
        guard fitsModel || !expected.elementsEqual(sizes[1...]) else { return tensor }
        notes.append("key '\(key)' has its samples on axis 1, as the model does")
        return try tensor.exchangingAxes()
    }

    /// The array of labels with its samples first, where it has them on axis 1 as an output does that they may belong to.
    func samplesFirst(
        _ tensor: Tensor, labelsOf count: Int, _ reading: inout Reading, key: String
    ) throws(FormatError) -> Tensor {
        let sizes = tensor.shape.dimensions
        let graph = reading.graph
        let isOnSecond = graph.outputs.contains { output in
            let places = graph.shape(output.value).dimensions
            return graph.sampleAxis(ofOutput: output.value) == 1 && sizes.starts(with: [places[1], count])
        }
        guard isOnSecond else { return tensor }
        reading.notes.append("key '\(key)' has its samples on axis 1, as the model does")
        return try tensor.exchangingAxes()
    }
}

extension Tensor {
    /// A copy with the first two axes exchanged.
    ///
    /// - Throws: ``FormatError/memory(byteCount:)``.
    package func exchangingAxes() throws(FormatError) -> Tensor {
        var sizes = shape.dimensions
        sizes.swapAt(0, 1)
        do {
            let result = try Tensor(type, zeros: Shape(sizes))
            try Step.transpose(self, permutation: [1, 0] + sizes.indices.dropFirst(2), into: result).run()
            return result
        } catch {
            throw .memory(byteCount: byteCount)
        }
    }
}
