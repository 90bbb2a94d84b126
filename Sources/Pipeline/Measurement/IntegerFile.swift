import Collapse
import Formats
import JobContract
import Model

/// A written file with integer weights, read back.
struct IntegerFile {
    let graph: Graph
    /// The paths of the files, the model first.
    let files: [String]
    let bytes: Int
    let nodes: Int
    /// The size of the same network as floats.
    let floatBytes: Int
    let weights: [DynamicQuantization.Weight]

    /// Puts a file with integer weights in the place of one of floats; nil, with the file as it was, when no weight would
    /// be smaller.
    ///
    /// - Parameters:
    ///   - path: the path of the file of floats.
    ///   - data: the samples to run, for the sizes of the inputs.
    /// - Throws: ``Problem`` when the new file cannot be run.
    init?(replacing path: String, data: CompressionData) throws {
        let floats = try SourceModel(path)
        let quantization = DynamicQuantization(floats.document)
        guard quantization.weights.contains(where: { $0.reason == nil }) else { return nil }
        (weights, floatBytes) = (quantization.weights, floats.byteCount)
        files = try floats.document.write(quantization.edit, to: path)
        var written = try SourceModel(path, readsQuantized: true)
        written.document.scalars = data.scalars
        // Each run quantizes by its own range: a sample gets the same answer in every run if it is alone in it.
        graph = try written.document.lower(
            batch: written.document.fixedBatch ?? 1, samples: Verification.sampleShapes(of: data.graph))
        (bytes, nodes) = (written.byteCount, written.document.model.nodes.count)
    }

    /// The weights that are integers.
    var integers: [DynamicQuantization.Weight] { weights.filter { $0.reason == nil } }
}
