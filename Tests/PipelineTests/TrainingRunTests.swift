import Compute
import Formats
import Foundation
import Model
import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct TrainingRunTests {
    private static func options(_ given: KeyValuePairs<String, JSONValue>) throws -> JobOptions {
        try JobOptions(decoding: JSONValue.Object(given.map { ($0.key, $0.value) }))
    }

    @Test(arguments: [
        ("sgd", ["learning_rate": "1e-3", "momentum": "0.9", "weight_decay": "0"]),
        ("adamw", ["learning_rate": "1e-4", "weight_decay": "0.01"]),
    ])
    func `twenty steps are those of PyTorch`(optimizer: String, numbers: [String: String]) throws {
        let folder = try TemporaryFolder()
        let (output, trace) = (folder.path + "/trained.onnx", folder.path + "/trace.json")
        var given = JSONValue.Object(numbers.map { ($0.key, .string($0.value)) })
        given["optimizer"] = .string(optimizer)
        given["steps"] = "20"
        given["batch_size"] = "64"
        given["shuffle"] = false
        let run = TrainingRun(
            model: Samples.mlp, data: Samples.digits, output: output, trace: trace,
            options: try JobOptions(decoding: given))
        #expect(try run.run { _ in }.hasPrefix("trained.onnx  20 steps of 64  loss "))
        let losses = try #require(try Samples.json(trace)["losses"] as? [Double])
        let expected = try #require(try Samples.array("\(optimizer)_losses", of: Samples.mlpReference)).floats
        #expect(losses.count == expected.count)
        #expect(zip(losses, expected).allSatisfy { abs($0 / Double($1) - 1) < 1e-3 })

        let before = try ONNXDocument(Samples.mlp)
        let after = try ONNXDocument(output)
        #expect(after.model.nodes.map(\.name) == before.model.nodes.map(\.name))
        #expect(after.model.initializers.map(\.name) == before.model.initializers.map(\.name))
        #expect(before.weights.filter { $1.type == .float32 }.allSatisfy { after.weights[$0]?.floats != $1.floats })
    }

    @Test func `a rate of zero writes the same file`() throws {
        let folder = try TemporaryFolder()
        let output = folder.path + "/same.onnx"
        let options = try Self.options(["learning_rate": 0, "steps": 2, "optimizer": "sgd"])
        _ = try TrainingRun(model: Samples.mlp, data: Samples.digits, output: output, options: options).run { _ in }
        #expect(try Samples.bytes(output) == Samples.bytes(Samples.mlp))
    }

    @Test func `without labels there is nothing to train by`() throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits))
        try NPZ.write([("x", images)], to: folder.path + "/in.npz")
        let run = TrainingRun(
            model: Samples.mlp, data: folder.path + "/in.npz", output: folder.path + "/out.onnx",
            options: try Self.options([:]))
        let failure = #expect(throws: Problem.self) { try run.run { _ in } }
        #expect(failure?.code == .datasetKeyMismatch)
        #expect(failure?.detail == "in.npz has no labels to train by")
    }
}

/// Models whose file fixes the batch size, as exporters do by default.
@Suite struct FixedBatchTests {
    /// The digits network with 8 in place of its open batch: a varint of six bytes keeps all lengths.
    private static func fixed(in folder: TemporaryFolder) throws -> String {
        let open: [UInt8] = [0x0A, 0x07, 0x12, 0x05] + Array("batch".utf8)
        let fixed: [UInt8] = [0x0A, 0x07, 0x08, 0x88, 0x80, 0x80, 0x80, 0x80, 0x00]
        let path = folder.path + "/fixed.onnx"
        try Data(Samples.bytes(Samples.mlp).replacing(open, with: fixed)).write(to: URL(filePath: path))
        return path
    }

    private static func losses(of model: String, in folder: TemporaryFolder) throws -> (losses: [Double], [WorkEvent]) {
        let trace = folder.path + "/trace.json"
        let options = try JobOptions(
            decoding: JSONValue.Object([("batch_size", 64), ("steps", 20), ("learning_rate", 1e-3)]))
        var warnings: [WorkEvent] = []
        let run = TrainingRun(
            model: model, data: Samples.digits, output: folder.path + "/trained.onnx", trace: trace, options: options)
        let summary = try run.run { if $0.kind == .warning { warnings.append($0) } }
        #expect(summary.hasPrefix("trained.onnx  20 steps of 64  "))
        return (try #require(try Samples.json(trace)["losses"] as? [Double]), warnings)
    }

    @Test func `trains as the same model with an open batch does`() throws {
        let folder = try TemporaryFolder()
        let (open, nothing) = try Self.losses(of: Samples.mlp, in: folder)
        let (fixed, warnings) = try Self.losses(of: Self.fixed(in: folder), in: folder)
        #expect(zip(open, fixed).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(nothing.isEmpty)
        #expect(warnings.map(\.message) == ["batch is fixed at 8; using gradient accumulation x8"])
        #expect(warnings.first?.data["code"] == "fixed_batch")
    }

    @Test func `runs any number of samples`() throws {
        let folder = try TemporaryFolder()
        let model = try Self.fixed(in: folder)
        let images = try #require(try Samples.array("x_test", of: Samples.digits))
        try NPZ.write([("x", images.rows(0..<13))], to: folder.path + "/in.npz")
        let output = folder.path + "/out.npz"
        _ = try InferenceRun(model: model, data: folder.path + "/in.npz", output: output).run { _ in }
        let logits = try #require(try Samples.array("logits", of: output))
        #expect(logits.shape == (try Shape([13, 10])))
        let expected = try #require(try Samples.array("logits_test64", of: Samples.mlpReference))
        #expect(zip(logits.floats, expected.floats).allSatisfy { abs($0 - $1) < 1e-4 })
    }
}
