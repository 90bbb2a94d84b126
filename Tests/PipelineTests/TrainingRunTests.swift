import Collapse
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

/// Trainings with the paper's regularizer.
@Suite struct RegularizedTrainingTests {
    /// The steps of the reference: both slopes from 0, SGD, loss + 5 (1 - a)^2 each, in the file's order.
    private static func train(
        in folder: TemporaryFolder, _ changes: KeyValuePairs<String, JSONValue> = [:]
    ) throws -> (model: String, trace: [String: Any], report: [String: Any]) {
        let steps = try #require(try Samples.array("layercollapse_slopes", of: Samples.mlpReference)).shape[0]
        var given = JSONValue.Object([
            ("penalty", 5), ("optimizer", "sgd"), ("learning_rate", "1e-3"), ("momentum", "0.9"), ("weight_decay", 0),
            ("steps", .int(steps)), ("batch_size", 64), ("shuffle", false),
        ])
        for (name, value) in changes { given[name] = value }
        let paths = ["trained.onnx", "trace.json", "report.json"].map { folder.path + "/" + $0 }
        var run = TrainingRun(
            model: Samples.mlp, data: Samples.digits, output: paths[0], trace: paths[1],
            options: try JobOptions(decoding: given))
        (run.report, run.regularizer) = (paths[2], .layercollapse)
        _ = try run.run { _ in }
        return (paths[0], try Samples.json(paths[1]), try Samples.json(paths[2]))
    }

    @Test func `the slopes are those of PyTorch in every step`() throws {
        let trained = try Self.train(in: try TemporaryFolder())
        let slopes = try #require(trained.trace["slopes"] as? [String: [Double]])
        let expected = try #require(try Samples.array("layercollapse_slopes", of: Samples.mlpReference))
        #expect(slopes.count == expected.shape[1])
        for (place, course) in slopes.sorted(by: { $0.key < $1.key }).map(\.value).enumerated() {
            #expect(course.count == expected.shape[0])
            for (step, slope) in course.enumerated() {
                #expect(abs(slope - Double(expected.floats[step * expected.shape[1] + place])) < 1e-2)
            }
        }
    }

    @Test func `the file has the slopes, and merges without data as PyTorch's network does`() throws {
        let folder = try TemporaryFolder()
        let trained = try Self.train(in: folder)
        let document = try ONNXDocument(trained.model)
        #expect(document.model.nodes.count { $0.opType == "PRelu" } == 2)
        #expect(!document.model.nodes.contains { $0.opType == "Relu" })
        let order = CompressionOrder(
            model: trained.model, data: nil,
            options: try JobOptions(decoding: JSONValue.Object([("method", "merge"), ("threshold", 1)])),
            output: folder.path + "/merged.onnx", reports: [])
        _ = try Compression.run(order) { _ in }
        let weights = try ONNXDocument(order.output).weights
        let merged = try #require(weights.values.first { $0.shape.rank == 2 })
        let expected = try #require(try Samples.array("layercollapse_merged_weight", of: Samples.mlpReference))
        #expect(weights.count == 2)
        #expect(merged.shape == expected.shape)
        let largest = expected.floats.map(abs).max() ?? 0
        #expect(zip(merged.floats, expected.floats).allSatisfy { abs($0 - $1) < 1e-3 * largest })
    }

    @Test func `the report has the loss on both kinds of samples, and their distance`() throws {
        let report = try Self.train(in: try TemporaryFolder()).report
        func number(_ key: String) throws -> Double { try #require(report[key] as? Double) }
        #expect(report["object"] as? String == "training")
        #expect(report["regularize"] as? String == "layercollapse")
        #expect(try number("penalty") == 5)
        #expect(report["training_samples"] as? Int == 5000)
        #expect(report["held_out_samples"] as? Int == 1500)
        let (seen, unseen) = (try number("training_loss"), try number("held_out_loss"))
        #expect(seen > 0 && seen < unseen)
        #expect(abs(try number("gap") - (unseen - seen)) < 1e-12)
        let slopes = try #require(report["slopes"] as? [[String: Any]])
        #expect(slopes.map { $0["before"] as? Double } == [0, 0])
        let last = try #require(try Samples.array("layercollapse_slopes", of: Samples.mlpReference)).floats.suffix(2)
        for (slope, expected) in zip(slopes, last) {
            #expect(abs(try #require(slope["after"] as? Double) - Double(expected)) < 1e-2)
        }
    }

    @Test func `excluded blocks keep their activation, and a network without a block is refused`() throws {
        let folder = try TemporaryFolder()
        let names = Candidates(in: try ONNXDocument(Samples.mlp).lower(batch: 1)).found.map(\.name)
        #expect(names.count == 2)
        let trained = try Self.train(in: folder, ["exclude": .array([.string(names[0])]), "steps": 2])
        let kinds = try ONNXDocument(trained.model).model.nodes.map(\.opType)
        #expect(kinds.filter { ["Relu", "PRelu"].contains($0) } == ["Relu", "PRelu"])
        #expect((trained.trace["slopes"] as? [String: Any])?.keys.sorted() == [names[1]])
        let refused = #expect(throws: Problem.self) { try Self.train(in: folder, ["exclude": "*"]) }
        #expect(refused?.code == .nothingToCollapse)
        #expect(
            refused?.detail
                == "digits-mlp.onnx has no block to regularize: \(names[0]): include and exclude leave it alone")
    }

    @Test func `a regularizer that does not exist is refused with those that do`() throws {
        let refused = #expect(throws: Problem.self) { try Regularizer(named: "weight_decay") }
        #expect(refused?.detail == "regularize: expected layercollapse, not 'weight_decay'")
        #expect(try Regularizer(named: "layercollapse") == .layercollapse)
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
