import Collapse
import Compute
import Formats
import Foundation
import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct CompressionOptionsTests {
    private static func options(_ given: KeyValuePairs<String, JSONValue>) throws -> JobOptions {
        try JobOptions(decoding: JSONValue.Object(given.map { ($0.key, $0.value) }))
    }

    @Test(arguments: [(true, JobOptions.Method.ridge), (false, .merge)])
    func `without a word every option has its default, and the method follows from the data`(
        hasData: Bool, method: JobOptions.Method
    ) throws {
        let options = try Self.options([:]).checked(hasData: hasData)
        var expected = JobOptions()
        expected.method = method
        #expect(options == expected)
        // The defaults of docs/api.md.
        #expect(options.finetune == .selfDistill)
        #expect(options.train == nil)
        #expect(options.order == .measured)
        #expect(options.threshold == 0.05)
        #expect(options.shuffle)
        #expect(options.loss == .auto)
        #expect(options.calibrationSamples == 1000)
        #expect((options.seed, options.threads) == (0, nil))
        #expect((options.include, options.exclude) == ([], []))
        #expect(!options.hasBudget)
        #expect((options.penalty, options.epochs, options.steps, options.batchSize) == (nil, nil, nil, nil))
        #expect((options.learningRate, options.optimizer) == (nil, nil))
        #expect((options.momentum, options.weightDecay) == (nil, nil))
    }

    @Test(arguments: [
        ("20MB", 20_000_000), ("1.5GiB", 1_610_612_736), ("600kB", 600_000), ("64 KiB", 65_536), ("12B", 12), ("7", 7),
    ])
    func `a size is a number of bytes with or without a unit`(text: String, bytes: Int) throws {
        #expect(try Self.options(["max_bytes": .string(text)]).maxBytes == bytes)
    }

    @Test(arguments: ["", "MB", "-1MB", "0", "1e3", "20 megabytes", "0.1B", "1e30GB", "9999999999GB"])
    func `a size that is none is refused`(text: String) {
        #expect(throws: (any Error).self) { try Self.options(["max_bytes": .string(text)]) }
    }

    @Test func `kinds of replacement are a list of known words`() throws {
        #expect(try Self.options(["replacements": "width,path"]).replacements == ["width", "path"])
        #expect(try Self.options(["replacements": "auto"]).replacements == [])
        #expect(throws: (any Error).self) { try Self.options(["replacements": "widths"]) }
    }

    @Test func `every option arrives, also as the text of a form`() throws {
        var expected = JobOptions()
        expected.method = .layercollapse
        expected.finetune = .mix
        expected.train = .after
        expected.maxMetricDrop = 0.01
        expected.maxClassDrop = 0.1
        expected.maxDisagreement = 0.02
        expected.compressionRatio = 2
        expected.maxLayers = 3
        expected.quantize = .dynamicInt8
        expected.include = ["a.*", "b"]
        expected.exclude = ["c"]
        expected.order = .fromEnd
        expected.penalty = 5
        expected.threshold = 0.1
        expected.steps = 7
        expected.batchSize = 16
        expected.learningRate = 1e-3
        expected.optimizer = .sgd
        expected.momentum = 0.5
        expected.weightDecay = 0.25
        expected.shuffle = false
        expected.loss = .crossEntropy
        (expected.task, expected.classAxis) = (.causalLanguageModel, 2)
        (expected.maxDivergence, expected.maxVarianceLost) = (1.5, 0.125)
        expected.calibrationSamples = 99
        expected.outputs = ["logits", "hidden"]
        expected.seed = 9_007_199_254_740_993
        expected.threads = 2
        let values = try Self.options([
            "method": "layercollapse", "finetune": "mix", "train": "after", "max_metric_drop": 0.01,
            "max_class_drop": 0.1,
            "max_disagreement": 0.02, "compression_ratio": 2, "quantize": "dynamic_int8", "max_layers": 3,
            "include": ["a.*", "b"],
            "exclude": ["c"], "order": "from_end", "penalty": 5, "threshold": 0.1, "steps": 7, "batch_size": 16,
            "learning_rate": 1e-3, "optimizer": "sgd", "momentum": 0.5, "weight_decay": 0.25, "shuffle": false,
            "task": "causal_lm", "class_axis": 2, "max_divergence": 1.5, "max_variance_lost": 0.125,
            "loss": "cross_entropy", "outputs": ["logits", "hidden"], "calibration_samples": 99,
            "seed": 9_007_199_254_740_993, "threads": 2,
        ])
        #expect(try values.checked(hasData: true) == expected)
        let texts = try Self.options([
            "method": "layercollapse", "finetune": "mix", "train": "after", "max_metric_drop": "0.01",
            "max_class_drop": "0.1",
            "max_disagreement": "0.02", "compression_ratio": "2", "quantize": "dynamic_int8", "max_layers": "3",
            "include": "a.*,b",
            "exclude": "c", "order": "from_end", "penalty": "5", "threshold": "0.1", "steps": "7", "batch_size": "16",
            "learning_rate": "1e-3", "optimizer": "sgd", "momentum": "0.5", "weight_decay": "0.25", "shuffle": "false",
            "task": "causal_lm", "class_axis": "2", "max_divergence": "1.5", "max_variance_lost": "0.125",
            "loss": "cross_entropy", "outputs": "logits,hidden", "calibration_samples": "99",
            "seed": "9007199254740993", "threads": "2",
        ])
        #expect(try texts.checked(hasData: true) == expected)
    }

    @Test func `a mark that joins a comma or an equals sign hides neither`() throws {
        let options = try Self.options(["include": "a\u{600},b", "inputs": "x=\u{301}y,z=w"])
        #expect(options.include == ["a\u{600}", "b"])
        #expect(options.inputKeys == ["x": "\u{301}y", "z": "w"])
    }

    @Test func `a map may be given in parts, as flags that repeat are`() throws {
        let options = try Self.options(["inputs": ["x=a", "y=b,z=c"], "metadata": ["run=1", "note=a=b"]])
        #expect(options.inputKeys == ["x": "a", "y": "b", "z": "c"])
        #expect(options.metadata == NamedTexts([("run", "1"), ("note", "a=b")]))
        #expect(throws: OptionError.self) { try Self.options(["inputs": ["x=a", "y"]]) }
    }

    @Test func `two spellings of an input's name are one`() throws {
        let options = try Self.options(["inputs": ["\u{E9}": "a", "e\u{301}": "b"]])
        #expect(options.inputKeys["\u{E9}"] == "b")
    }

    @Test func `auto is the same as saying nothing`() throws {
        let options = try Self.options([
            "penalty": "auto", "epochs": "auto", "batch_size": "auto", "learning_rate": "auto", "optimizer": "auto",
            "momentum": "auto", "weight_decay": "auto", "loss": "auto",
        ])
        #expect(try options.checked(hasData: true) == Self.options([:]).checked(hasData: true))
    }

    @Test(arguments: [
        ("ridge", "self_distill", false, "method=ridge needs data"),
        ("layercollapse", "labels", false, "method=layercollapse needs data"),
        (
            "layercollapse", "none", true,
            "method=layercollapse trains, and finetune=none leaves it nothing to learn from"
        ),
    ])
    func `options that exclude each other are a mistake of use`(
        method: String, finetune: String, hasData: Bool, message: String
    ) throws {
        let given = try Self.options(["method": .string(method), "finetune": .string(finetune)])
        let failure = #expect(throws: Problem.self) { try given.checked(hasData: hasData) }
        #expect(failure?.detail == message)
        #expect(failure?.exitStatus == 2)
    }

    @Test(
        arguments: [
            (["finetune": "labels"], "finetune=labels needs labels, and the data have none"),
            (["finetune": "mix"], "finetune=mix needs labels, and the data have none"),
            (["max_metric_drop": 0.01], "max_metric_drop needs labels, and the data have none"),
        ] as [([String: JSONValue], String)])
    func `what needs labels says so when there are none`(given: [String: JSONValue], message: String) throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits)).rows(0..<40)
        try NPZ.write([("x", images)], to: folder.path + "/in.npz")
        try Self.expectRefusal(given, data: folder.path + "/in.npz", message, folder)
    }

    @Test(
        arguments: [
            (
                ["max_variance_lost": 0.1],
                "max_variance_lost limits no output of the model: 'logits' is taken as classification"
            ),
            (
                ["max_disagreement": 0.1, "task": "regression"],
                "max_disagreement limits no output of the model: 'logits' is taken as regression"
            ),
            (["class_axis": 2], "class_axis 2: the output 'logits' has the axes 0 to 1"),
        ] as [([String: JSONValue], String)])
    func `a limit that fits no output, and an axis beyond the last, are refused`(
        given: [String: JSONValue], message: String
    ) throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits)).rows(0..<40)
        try NPZ.write([("x", images)], to: folder.path + "/in.npz")
        try Self.expectRefusal(given, data: folder.path + "/in.npz", message, status: 2, folder)
        let labels = try Tensor((0..<40).map { Int64($0 % 10) }, Shape([40]))
        try NPZ.write([("x", images), ("y", labels)], to: folder.path + "/in.npz")
        guard given["class_axis"] != nil else { return }
        try Self.expectRefusal(given, data: folder.path + "/in.npz", "in.npz: " + message, folder)
    }

    @Test(
        arguments: [
            (["loss": "mse", "finetune": "labels"], false, "the labels are classes, which loss=mse does not take"),
            (["loss": "mse", "max_metric_drop": 0.01], false, "the labels are classes, which loss=mse does not take"),
            (
                ["loss": "cross_entropy", "finetune": "mix"], true,
                "the labels are numbers, which loss=cross_entropy does not take"
            ),
            (
                ["loss": "cross_entropy", "max_metric_drop": 0.01], true,
                "the labels are numbers, which loss=cross_entropy does not take"
            ),
        ] as [([String: JSONValue], Bool, String)])
    func `labels that the loss does not take are refused where they are used`(
        given: [String: JSONValue], areNumbers: Bool, message: String
    ) throws {
        let folder = try TemporaryFolder()
        let images = try #require(try Samples.array("x_test", of: Samples.digits)).rows(0..<40)
        let labels =
            areNumbers
            ? try Tensor([Float](repeating: 0.5, count: 400), Shape([40, 10]))
            : try Tensor((0..<40).map { Int64($0 % 10) }, Shape([40]))
        try NPZ.write([("x", images), ("y", labels)], to: folder.path + "/in.npz")
        try Self.expectRefusal(given, data: folder.path + "/in.npz", message, folder)
    }

    private static func expectRefusal(
        _ given: [String: JSONValue], data: String, _ message: String, status: Int32 = 3, _ folder: TemporaryFolder,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let options = try JobOptions(decoding: JSONValue.Object(given.map { ($0.key, $0.value) }))
        let order = CompressionOrder(
            model: Samples.mlp, data: data, options: options, output: folder.path + "/out.onnx")
        let failure = #expect(throws: Problem.self, sourceLocation: sourceLocation) {
            try Compression.run(order) { _ in }
        }
        #expect(failure?.detail == message, sourceLocation: sourceLocation)
        #expect(failure?.exitStatus == status, sourceLocation: sourceLocation)
        #expect(!FileManager.default.fileExists(atPath: order.output), sourceLocation: sourceLocation)
    }
}
