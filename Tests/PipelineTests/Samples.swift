import Compute
import Formats
import Foundation

/// The example files: real networks and data.
enum Samples {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    static let vgg = root.appending(path: "Examples/digits/digits-vgg.onnx").path
    static let digits = root.appending(path: "Examples/digits/digits16.npz").path
    static let mlp = root.appending(path: "Tests/EndToEnd/fixtures/digits-mlp.onnx").path
    /// A model that ends in an operator without a gradient (make_fixtures.py).
    static let scatterMax = root.appending(path: "Tests/FormatsTests/Fixtures/scatter-max.onnx").path
    /// Reference results of PyTorch 2.15 on the same weights.
    static let mlpReference = root.appending(path: "Tests/EndToEnd/fixtures/digits-mlp.reference.npz").path

    static func array(_ key: String, of path: String) throws -> Tensor? { try DatasetReader(path).arrays[key]?.tensor }

    static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

    static func json(_ path: String) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
        return value as? [String: Any] ?? [:]
    }
}
