import Compute
import Formats
import Foundation
import Model
import Testing

@testable import Collapse

private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "EndToEnd/fixtures").path
private let digits = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Examples/digits/digits16.npz").path

/// The reference maps are PyTorch's, on the first 1,000 training samples of the original network with r = 1e-3
/// (`ridge_weight_k`, `ridge_bias_k` of `NAME.reference.npz`).
@Test(arguments: [
    "digits-vit", "digits-vit-dynamo", "code-encoder", "code-encoder-dynamo", "code-gpt", "code-gpt-dynamo",
])
func `the affine maps of a transformer's blocks are those of PyTorch`(name: String) throws {
    let document = try ONNXDocument("\(fixtures)/\(name).onnx")
    let reference = try DatasetReader("\(fixtures)/\(name.replacing("-dynamo", with: "")).reference.npz").arrays
    let data = name.hasPrefix("digits") ? digits : "\(fixtures)/\(name.hasPrefix("code-gpt") ? "code-lm" : "code").npz"
    let reader = try DatasetReader(data)
    let shapes = reader.sampleShapes(of: document.model.inputs.map(\.name), axes: document.sampleAxes)
    let graph = try document.lower(batch: 50, samples: shapes)
    let samples = try #require(try reader.samples(.training, for: graph, withLabels: false)).samples(0..<1000)
    let blocks = Candidates(in: graph).found.filter { $0.hidden == 4 * $0.inFeatures }
    #expect(blocks.count == 4)
    let moments = try BlockMoments(original: graph).ofUntouched(blocks, on: samples)
    for (index, moments) in moments.enumerated() {
        let fit = try RidgeFit(moments, heldOut: moments, strengths: [1e-3])
        let (weight, bias) = try fit.layer()
        let expected = (
            weight: try #require(reference["ridge_weight_\(index)"]).tensor,
            bias: try #require(reference["ridge_bias_\(index)"]).tensor
        )
        let largest = expected.weight.floats.map(abs).max() ?? 0
        #expect(weight.maxAbsoluteDifference(from: expected.weight) < 1e-3 * largest)
        #expect(
            bias.maxAbsoluteDifference(from: expected.bias) < 1e-3 * max(1, expected.bias.floats.map(abs).max() ?? 0))
    }
}
