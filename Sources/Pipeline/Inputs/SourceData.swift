import Collapse
import Compute
import Formats
import Foundation
package import JobContract
import Model
package import Options

/// A data file, and the keys in it that serve as labels and inputs.
package struct SourceData {
    package let path: String
    let reader: DatasetReader
    let labelsKey: String?
    let inputKeys: [String: String]
    /// The output that the labels belong to; nil means the first that they fit.
    let output: String?
    /// True when one-hot labels are classes, and false when the loss takes targets.
    let prefersClasses: Bool
    /// The axis of classes that the user names.
    let classAxis: Int?

    var name: String { URL(filePath: path).lastPathComponent }

    /// - Throws: ``Problem`` for a file that is damaged, or neither `.npz`, `.npy`, `.safetensors` nor a table.
    package init(
        _ path: String, labelsKey: String? = nil, inputKeys: [String: String] = [:], output: String? = nil,
        options: JobOptions = JobOptions()
    ) throws(Problem) {
        (self.output, self.path, self.labelsKey, self.inputKeys) = (output, path, labelsKey, inputKeys)
        let takesTargets = options.loss == .mse || options.loss == .binaryCrossEntropy
        prefersClasses = !takesTargets && ![.multilabel, .regression, .embedding].contains(options.task)
        classAxis = options.classAxis
        do { reader = try DatasetReader(path) } catch {
            var failure = Problem(error, file: URL(filePath: path).lastPathComponent)
            if failure.code == .invalidONNX { failure.code = .invalidData }
            failure.pointer = "/data"
            throw failure
        }
    }

    /// The training samples and the validation samples.
    func split(for graph: Graph, seed: UInt64) throws(Problem) -> DatasetReader.Result {
        let result: DatasetReader.Result
        do {
            result = try reader.read(
                for: graph, output: output, labelKey: labelsKey, inputKeys: inputKeys, prefersClasses: prefersClasses,
                classAxis: classAxis, seed: seed)
        } catch {
            throw Problem(error, file: name)
        }
        for samples in [result.training, result.validation] { try checkNumbers(samples, in: graph) }
        return result
    }

    /// The samples of one part of the file, in its order; nil when the file has no such part.
    func part(_ part: DatasetReader.Part, for graph: Graph, withLabels: Bool) throws(Problem) -> Dataset? {
        let samples: Dataset?
        do {
            samples = try reader.samples(
                part, for: graph, output: output, labelKey: labelsKey, inputKeys: inputKeys, withLabels: withLabels,
                prefersClasses: prefersClasses, classAxis: classAxis)
        } catch {
            throw Problem(error, file: name)
        }
        if let samples { try checkNumbers(samples, in: graph) }
        return samples
    }

    /// Checks samples that hold values that are no finite numbers: a network may handle them itself (an imputer, a clip),
    /// so they are rejected where they reach an output or a block that may be collapsed.
    private func checkNumbers(_ samples: Dataset, in graph: Graph) throws(Problem) {
        for input in graph.inputs {
            guard let name = graph.inputName(input), let tensor = samples.inputs[name], tensor.type == .float32,
                !tensor.isFinite()
            else { continue }
            let width = max(1, tensor.shape.elementCount / max(1, samples.count))
            let places = tensor.floats.enumerated().filter { !$0.element.isFinite }.map { $0.offset / width }
            let rows = Array(Set(places)).sorted()
            let blocks = Candidates(in: graph).found.flatMap { [$0.input, $0.output] }
            let outputs = graph.measuredOutputs.map(\.value)
            do {
                let reached = try Inference(graph, fetching: outputs + blocks).outputs(for: samples.samples(rows))
                guard reached.contains(where: { !$0.isFinite() }) else { continue }
            } catch {
                throw Problem(any: error)
            }
            throw Problem(
                .nanInData,
                "\(self.name): input '\(name)' has a value that is not a number or infinite, first in sample \(rows[0]), "
                    + "and the model passes it on", pointer: "/data")
        }
    }

    /// The samples to measure on: the validation split, else the unsplit arrays, else the training split.
    func validation(for graph: Graph) throws(Problem) -> Dataset {
        for part in [DatasetReader.Part.validation, .unsplit, .training] {
            if let samples = try self.part(part, for: graph, withLabels: true) { return samples }
        }
        // Throws the error that names the missing keys.
        return try split(for: graph, seed: 0).validation
    }

    /// The samples to measure on when nothing is fitted, each of them once.
    func measuring(for graph: Graph) throws(Problem) -> DatasetReader.Measuring {
        let found: DatasetReader.Measuring
        do {
            found = try reader.measuring(
                for: graph, output: output, labelKey: labelsKey, inputKeys: inputKeys, prefersClasses: prefersClasses,
                classAxis: classAxis)
        } catch {
            throw Problem(error, file: name)
        }
        try checkNumbers(found.samples, in: graph)
        return found
    }

    func scalars(of inputs: [String]) -> [String: Tensor] { reader.scalars(of: inputs, inputKeys: inputKeys) }

    func sampleShapes(of inputs: [String], axes: SampleAxes) -> [String: [Int]] {
        reader.sampleShapes(of: inputs, axes: axes, labelKey: labelsKey, inputKeys: inputKeys)
    }

    /// The keys with types and shapes, as listed in a plan.
    var keys: JSONValue {
        var object = JSONValue.Object()
        for key in reader.arrays.keys.sorted() {
            guard let array = reader.arrays[key] else { continue }
            object[key] = [
                "dtype": .string(array.storedType), "shape": .array(array.tensor.shape.dimensions.map(JSONValue.int)),
            ]
        }
        return .object(object)
    }
}
