import Compute
import Formats
import Foundation
package import JobContract
import Model

/// A model file as the user gave it: the document, and how it becomes a graph.
package struct SourceModel {
    package let path: String
    let document: ONNXDocument

    var name: String { URL(filePath: path).lastPathComponent }

    /// - Throws: ``Problem`` for a file that is no sound model.
    package init(_ path: String) throws(Problem) {
        self.path = path
        let name = URL(filePath: path).lastPathComponent
        if let format = RefusedFormat.format(ofFile: path) {
            throw Problem(
                .pickleRejected, "\(name) is \(format): pickle files can run code",
                hint: "export the model with torch.onnx.export", pointer: "/model")
        }
        do { document = try ONNXDocument(path) } catch { throw Problem(error, file: name) }
    }

    /// The batch that the file fixes, else the one that is wanted.
    func batch(_ wanted: Int) -> Int { document.fixedBatch ?? wanted }

    /// Nil for a file that leaves the batch open.
    func fixedBatchWarning(runsPerStep: Int) -> WorkEvent? {
        document.fixedBatch.map { batch in
            let remedy = runsPerStep > 1 ? "using gradient accumulation x\(runsPerStep)" : "training at that size"
            return .warning(code: "fixed_batch", message: "batch is fixed at \(batch); \(remedy)")
        }
    }

    /// - Parameters:
    ///   - batch: samples a run, where the file leaves it open.
    ///   - data: where other open sizes are looked up.
    /// - Returns: the network at one batch size.
    /// - Throws: ``Problem`` for what cannot be run, or a size that stays open.
    func graph(batch: Int, data: SourceData? = nil) throws(Problem) -> Graph {
        do { return try lowered(batch: batch, data: data) } catch { throw Problem(error, file: name) }
    }

    /// The same, with the error as the reader says it.
    func lowered(batch: Int, data: SourceData? = nil) throws(FormatError) -> Graph {
        let shapes = data?.sampleShapes(of: document.model.inputs.map(\.name)) ?? [:]
        return try document.lower(batch: self.batch(batch), samples: shapes)
    }

    /// Of the model file and its external data.
    var byteCount: Int { files.reduce(0) { $0 + FileDigest.byteCount($1) } }

    /// The model file first.
    var files: [String] {
        let folder = URL(filePath: path).deletingLastPathComponent()
        var locations: [String] = []
        for tensor in document.model.initializers where tensor.isExternal {
            if let location = tensor.external["location"], !locations.contains(location) { locations.append(location) }
        }
        return [path] + locations.map { folder.appending(path: $0).path }
    }
}
