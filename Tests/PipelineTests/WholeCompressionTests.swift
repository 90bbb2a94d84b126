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

/// One compression of the digits VGG by the ridge method, run once; each test looks at one side of what it left.
struct WholeCompressionTests {
    private struct Run {
        let folder: TemporaryFolder
        let order: CompressionOrder
        let events: [WorkEvent]
        let ended: CompressionResult
        let report: JSONValue

        init() throws {
            let folder = try TemporaryFolder()
            var options = JobOptions()
            (options.finetune, options.maxLayers) = (.none, 2)
            let order = CompressionOrder(
                model: Samples.vgg, data: Samples.digits, options: options, output: folder.file("small.onnx"),
                reports: ["json", "md", "html"].map { folder.file("report." + $0) })
            var heard: [WorkEvent] = []
            ended = try Compression.run(order) { heard.append($0) }
            (self.folder, self.order, events) = (folder, order, heard)
            report = try JSONParser.parse(Samples.bytes(folder.file("report.json")))
        }
    }

    private static let whole = Result { try Run() }

    private let run: Run
    private let result, original, compressed: JSONValue

    init() throws {
        run = try Self.whole.get()
        result = try #require(run.report["result"])
        (original, compressed) = (result["original"] ?? .null, result["compressed"] ?? .null)
    }

    @Test func `the report holds the job's result and says what it takes to run it again`() throws {
        #expect(result == run.ended.document)
        #expect(run.report["options"]?["method"] == "ridge")
        #expect(run.report["options"]?["batch_size"] == 64)
        #expect(run.report["options"]?["optimizer"] == "adamw")
        #expect(run.report["inputs"]?["digits-vgg.onnx"]?.string == (try FileDigest.sha256(Samples.vgg)))
        #expect(run.report["inputs"]?["digits16.npz"]?.string == (try FileDigest.sha256(Samples.digits)))
    }

    /// The members of the job object of docs/api.md.
    @Test(arguments: ["parameters", "bytes", "macs", "nodes", "metric", "metric_name", "loss", "latency_ms_p50"])
    func `both networks are described`(key: String) {
        #expect(original[key]?.isNull == false)
        #expect(compressed[key]?.isNull == false)
    }

    /// The outputs of a model for all 1500 test samples of the file, of which the job saw one half to decide by and one to
    /// certify.
    private func outputs(of path: String) throws -> (logits: Tensor, samples: Dataset, task: PredictionTask) {
        let graph = try SourceModel(path).graph(batch: 50)
        let samples = try #require(try SourceData(Samples.digits).part(.validation, for: graph, withLabels: true))
        let task = PredictionTask(of: graph, labels: samples.labels)
        let logits = try Inference(graph, fetching: [task.logits(of: graph)]).outputs(for: samples)[0]
        return (logits, samples, task)
    }

    @Test func `the original's accuracy and loss are PyTorch's`() throws {
        let (logits, samples, task) = try outputs(of: Samples.vgg)
        let all = Metrics(logits, labels: try #require(samples.labels), task)
        #expect(all.metric == 0.936)
        #expect(abs(all.loss - 0.2506) < 1e-3)
        // The report's is that of the certifying half.
        #expect(abs(try #require(original["metric"]?.double) - 0.936) < 0.01)
    }

    @Test func `sizes are those of the files, and their ratio is theirs`() throws {
        // The head of 128 by 10 behind three convolutions of 14 048.
        #expect(original["parameters"] == 216_810)
        #expect(compressed["parameters"] == 15_338)
        #expect(original["bytes"]?.int == FileDigest.byteCount(Samples.vgg))
        #expect(compressed["bytes"]?.int == FileDigest.byteCount(run.order.output))
        #expect(result["compression_ratio"]?.double == 216_810.0 / 15_338)
    }

    @Test func `the compressed network answers as numpy's ridge does`() throws {
        // By numpy, on ONNX Runtime's inputs of the head and logits for a thousand samples: a ridge of 0.01 decides best,
        // classifies 1391 of 1500 test samples correctly, and differs from the original on 62. Numpy decided the ridge on a
        // thousand training samples, the job on half of the test samples.
        let (before, samples, task) = try outputs(of: Samples.vgg)
        let after = try outputs(of: run.order.output).logits
        let comparison = Comparison(before, after, task)
        #expect(abs(comparison.disagreements - 62) <= 8)
        let right = Metrics(after, labels: try #require(samples.labels), task).metric * 1500
        #expect(abs(right - 1391) <= 8)
    }

    @Test func `what the network has learnt by heart is told`() {
        // By ONNX Runtime 99.94 % of the 5,000 training samples are classified correctly.
        #expect(run.report["training_metric"] == 1.0)
        let lines = run.report["assumptions"]?.array?.compactMap(\.string) ?? []
        #expect(lines.contains { $0.hasPrefix("The original's accuracy is 1.0000 on training samples and 0.93") })
    }

    @Test func `the certificate follows from the counted samples`() throws {
        let rate = try #require(result["disagreement"]?["rate"]?.double)
        let certificate = Certificate(events: Int((rate * 750).rounded()), of: 750)
        #expect(result["disagreement"]?["upper95"]?.double == certificate.upper95)
        #expect(result["disagreement"]?["samples"] == 750)
        let drop = try #require(original["metric"]?.double) - #require(compressed["metric"]?.double)
        #expect(result["metric_drop"]?.double == drop)
        // Without labels too: accuracy drops by no more than the answers differ.
        #expect(drop <= rate)
        #expect(result["met_budget"] == true)
    }

    @Test func `every layer is told, and every point`() throws {
        let layers = result["layers"]?.array ?? []
        let kinds: [JSONValue] = ["BatchNorm-Linear (exact)", "Linear-ReLU-Linear", "Linear-ReLU-Linear"]
        #expect(layers.map { $0["kind"] } == kinds)
        for layer in layers {
            #expect(
                layer.object?.names == [
                    "name", "kind", "in", "hidden", "out", "parameters_before", "parameters_after", "macs_before",
                    "macs_after", "slope", "r2", "mse", "bound", "kl", "collapsed", "choice", "alone", "reason",
                ])
            #expect(layer["collapsed"] == true)
            #expect(layer["reason"] == .null)
        }
        // What is exact has no fit.
        #expect(layers.first?["r2"] == .null)
        for layer in layers.dropFirst() { #expect(try #require(layer["r2"]?.double) > 0.5) }
        for layer in layers.dropFirst() { #expect(layer["choice"]?["family"] == "affine") }
        #expect(result["pareto"]?.array?.map { $0["layers"] } == [1, 2])
        #expect(result["pareto"]?.array?.map { $0["chosen"] } == [false, true])
        #expect(result["pareto"]?.array?.last?["plan"]?.object?.members.count == 2)
    }

    @Test func `the written file was run again and is the one named`() throws {
        #expect(try #require(result["verification"]?["max_abs_diff"]?.double) < 1e-3)
        #expect(result["verification"]?["samples"] == 750)
        #expect(result["digests"]?["model"]?.string == (try FileDigest.sha256(run.order.output)))
    }

    @Test func `the samples of each purpose are counted`() {
        #expect(run.report["data"]?["training_samples"] == 5000)
        #expect(run.report["data"]?["calibration_samples"] == 1000)
        #expect(run.report["data"]?["deciding_samples"] == 750)
        #expect(run.report["data"]?["validation_samples"] == 750)
    }

    @Test func `the time of each phase is told, and how much of it the networks took`() {
        let phases = run.report["phases"]?.array ?? []
        #expect(
            phases.compactMap { $0["phase"]?.string } == [
                "validating", "baseline", "calibrating", "search", "verifying", "exporting",
            ])
        let forward = phases.compactMap { $0["forward_seconds"]?.double }
        #expect(forward.count == 6)
        #expect(run.report["forward_seconds"]?.double == forward.reduce(0, +))
    }

    @Test func `the last line sums it up`() throws {
        #expect(run.ended.summary.hasPrefix("digits-vgg.onnx  871 kB -> 64.8 kB ("))
        #expect(run.ended.summary.contains("  accuracy 93.9 -> 92.7 % (classification of 'logits')  "))
        #expect(run.ended.summary.contains("x faster  ") || run.ended.summary.contains("  no faster within noise  "))
        let interval = run.report["latency"]?["speedup_interval95"]?.array?.compactMap(\.double) ?? []
        let ratio = try #require(run.report["latency"]?["speedup"]?.double)
        #expect(interval.count == 2 && interval[0] <= ratio && ratio <= interval[1])
    }

    @Test func `progress only grows, to its end`() {
        let fractions = run.events.filter { $0.kind == .progress }.compactMap { $0.data["fraction"]?.double }
        #expect(fractions == fractions.sorted())
        #expect(fractions.last == 1)
    }

    @Test func `nothing but the model and the reports is left`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: run.folder.path).sorted()
        #expect(names == ["report.html", "report.json", "report.md", "small.onnx"])
    }
}
