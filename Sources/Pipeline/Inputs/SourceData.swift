import Compute
import Formats
import Foundation
package import JobContract
import Model

/// A data file, and the keys in it that serve as labels and inputs.
package struct SourceData {
    package let path: String
    let reader: DatasetReader
    let labelsKey: String?
    let inputKeys: [String: String]
    /// The output that the labels belong to; nil means the first.
    let output: String?

    var name: String { URL(filePath: path).lastPathComponent }

    /// - Throws: ``Problem`` for a file that is damaged, or neither `.npz` nor `.safetensors`.
    package init(
        _ path: String, labelsKey: String? = nil, inputKeys: [String: String] = [:], output: String? = nil
    ) throws(Problem) {
        (self.output, self.path, self.labelsKey, self.inputKeys) = (output, path, labelsKey, inputKeys)
        do { reader = try DatasetReader(path) } catch {
            var failure = Problem(error, file: URL(filePath: path).lastPathComponent)
            if failure.code == .invalidONNX { failure.code = .invalidData }
            failure.pointer = "/data"
            throw failure
        }
    }

    /// The training samples and the validation samples.
    func split(for graph: Graph, seed: UInt64) throws(Problem) -> DatasetReader.Result {
        do {
            return try reader.read(for: graph, output: output, labelKey: labelsKey, inputKeys: inputKeys, seed: seed)
        } catch {
            throw Problem(error, file: name)
        }
    }

    /// The samples of one part of the file, in its order; nil when the file has no such part.
    func part(_ part: DatasetReader.Part, for graph: Graph, withLabels: Bool) throws(Problem) -> Dataset? {
        do {
            return try reader.samples(
                part, for: graph, output: output, labelKey: labelsKey, inputKeys: inputKeys, withLabels: withLabels)
        } catch {
            throw Problem(error, file: name)
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

    func sampleShapes(of inputs: [String]) -> [String: [Int]] { reader.sampleShapes(of: inputs, inputKeys: inputKeys) }

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
