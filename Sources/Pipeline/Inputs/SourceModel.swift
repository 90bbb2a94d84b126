import Compute
import Formats
import Foundation
package import JobContract
import Model

/// A model file: its ONNX document, and its lowering to a graph.
package struct SourceModel {
    package let path: String
    var document: ONNXDocument

    var name: String { URL(filePath: path).lastPathComponent }

    /// - Parameters:
    ///   - path: path of the file.
    ///   - readsQuantized: whether quantized models are read, which can be run and not compressed.
    /// - Throws: ``Problem`` for a file that is not a valid model.
    package init(_ path: String, readsQuantized: Bool = false) throws(Problem) {
        self.path = path
        let name = URL(filePath: path).lastPathComponent
        if let format = RefusedFormat.format(ofFile: path) {
            throw Problem(
                .pickleRejected, "\(name) is \(format): pickle files can run code",
                hint: "export the model with torch.onnx.export", pointer: "/model")
        }
        do { document = try ONNXDocument(path, readsQuantized: readsQuantized) } catch {
            throw Problem(error, file: name)
        }
    }

    /// The sentence on a run of several samples of a model whose quantization mixes them; nil for other models.
    var runByRunNote: String? {
        document.quantizesByRun
            ? "\(name) quantizes by the smallest and the largest value of a run: samples are run one by one unless batch_size "
                + "says otherwise" : nil
    }

    /// The batch size fixed by the file, else `wanted`.
    func batch(_ wanted: Int) -> Int { document.fixedBatch ?? wanted }

    /// A warning about a fixed batch size; nil when the file leaves it open.
    func fixedBatchWarning(runsPerStep: Int) -> WorkEvent? {
        document.fixedBatch.map { batch in
            let remedy = runsPerStep > 1 ? "using gradient accumulation x\(runsPerStep)" : "training at that size"
            return .warning(code: "fixed_batch", message: "batch is fixed at \(batch); \(remedy)")
        }
    }

    /// - Parameters:
    ///   - batch: samples per run, used when the file leaves the batch size open.
    ///   - data: source of the other open sizes.
    /// - Returns: the network at one batch size.
    /// - Throws: ``Problem`` for an unsupported network, or a size that stays open.
    func graph(batch: Int, data: SourceData? = nil) throws(Problem) -> Graph {
        do { return try lowered(batch: batch, data: data) } catch { throw Problem(error, file: name) }
    }

    /// The network at one batch size, like ``graph(batch:data:)``, with the error of the reader.
    func lowered(batch: Int, data: SourceData? = nil) throws(FormatError) -> Graph {
        let shapes = data?.sampleShapes(of: document.model.inputs.map(\.name), axes: document.sampleAxes) ?? [:]
        var document = document
        document.scalars = data?.scalars(of: document.scalarInputs) ?? [:]
        return try document.lower(batch: self.batch(batch), samples: shapes)
    }

    /// A sentence on outputs that are not computed.
    func notRun(_ outputs: [String]) -> String {
        let nodes = document.nodesNotRun.prefix(5).map(\.description).joined(separator: ", ")
        return "not run: the outputs \(outputs.map { "'\($0)'" }.joined(separator: ", "))"
            + (nodes.isEmpty ? "" : ", behind \(nodes)")
    }

    /// The size of the model file and its external data.
    var byteCount: Int { files.reduce(0) { $0 + FileDigest.byteCount($1) } }

    /// The paths of the model file and its external data, the model file first.
    var files: [String] {
        let folder = URL(filePath: path).deletingLastPathComponent()
        var locations: [String] = []
        for tensor in document.model.initializers where tensor.isExternal {
            if let location = tensor.external["location"], !locations.contains(location) { locations.append(location) }
        }
        return [path] + locations.map { folder.appending(path: $0).path }
    }
}
