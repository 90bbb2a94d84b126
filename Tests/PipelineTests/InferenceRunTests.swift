import Compute
import Formats
import Foundation
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct InferenceRunTests {
    @Test func `of a file with splits the test split is run, and the logits are PyTorch's`() throws {
        let folder = try TemporaryFolder()
        let output = folder.path + "/out.npz"
        var heard: [String] = []
        let run = InferenceRun(
            model: Samples.mlp, data: Samples.digits, output: output, timing: folder.path + "/timing.json")
        let summary = try run.run { event in if event.kind == .log { heard.append(event.message) } }
        #expect(heard == ["digits16.npz: the test split, 1500 samples"])
        #expect(summary.hasPrefix("out.npz  1500 samples  logits  "))
        let logits = try #require(try Samples.array("logits", of: output))
        #expect(logits.shape == (try Shape([1500, 10])))
        let expected = try #require(try Samples.array("logits_test64", of: Samples.mlpReference))
        let distance = zip(logits.rows(0..<64).floats, expected.floats).map { abs($0 - $1) }.max() ?? .nan
        #expect(distance < 1e-4)
        let timing = try Samples.json(folder.path + "/timing.json")
        #expect(timing["batch_size"] as? Int == 64)
        // 24 batches, the first of which is not counted.
        #expect(timing["steps"] as? Int == 23)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
    }

    @Test(arguments: [1, 3, 64, 65])
    func `any number of samples and any batch give the same rows`(count: Int) throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits))
        try NPZ.write([("input", images.rows(0..<count))], to: folder.path + "/in.npz")
        let output = folder.path + "/out.npz"
        let run = InferenceRun(model: Samples.mlp, data: folder.path + "/in.npz", output: output, batchSize: 7)
        _ = try run.run { _ in }
        let logits = try #require(try Samples.array("logits", of: output))
        #expect(logits.shape == (try Shape([count, 10])))
        let expected = try #require(try Samples.array("logits_test64", of: Samples.mlpReference))
        #expect(zip(logits.floats, expected.floats).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func `more passes are timed and give the same rows`() throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits))
        try NPZ.write([("input", images.rows(0..<10))], to: folder.path + "/in.npz")
        var outputs: [[Float]] = []
        for passes in [1, 3] {
            let run = InferenceRun(
                model: Samples.mlp, data: folder.path + "/in.npz", output: folder.path + "/out.npz",
                timing: folder.path + "/timing.json", batchSize: 5, passes: passes)
            _ = try run.run { _ in }
            outputs.append(try #require(try Samples.array("logits", of: folder.path + "/out.npz")).floats)
            #expect(try Samples.json(folder.path + "/timing.json")["steps"] as? Int == 2 * passes - 1)
        }
        #expect(outputs[0] == outputs[1])
    }

    @Test func `more passes than can be counted are refused`() throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits))
        try NPZ.write([("input", images.rows(0..<10))], to: folder.path + "/in.npz")
        let run = InferenceRun(
            model: Samples.mlp, data: folder.path + "/in.npz", output: folder.path + "/out.npz", batchSize: 5,
            passes: .max)
        #expect(#expect(throws: Problem.self) { try run.run { _ in } }?.code == .invalidOption)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["in.npz"])
    }

    @Test func `data without a key for the input are refused and nothing is written`() throws {
        let folder = try TemporaryFolder()
        try NPZ.write([("pictures", Tensor([1, 2] as [Float], Shape([2, 1])))], to: folder.path + "/in.npz")
        let run = InferenceRun(model: Samples.mlp, data: folder.path + "/in.npz", output: folder.path + "/out.npz")
        let failure = #expect(throws: Problem.self) { try run.run { _ in } }
        #expect(failure?.code == .datasetKeyMismatch)
        #expect(failure?.detail.contains("'pictures'") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["in.npz"])
    }
}
