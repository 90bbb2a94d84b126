import Compute
import Formats
import Foundation
import Model
import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct MemoryLimitTests {
    private static let limitBytes = 30 << 20

    private static func training(_ folder: TemporaryFolder, batch: Int) throws -> TrainingRun {
        let options = try JobOptions(
            decoding: JSONValue.Object([("batch_size", .int(batch)), ("steps", 1), ("shuffle", false)]))
        var run = TrainingRun(
            model: Samples.mlp, data: Samples.digits, output: folder.path + "/out.onnx", options: options)
        run.memoryLimitBytes = limitBytes
        return run
    }

    @Test func `training that does not fit is refused with the largest batch that does`() throws {
        let folder = try TemporaryFolder()
        let failure = #expect(throws: Problem.self) { try Self.training(folder, batch: 5000).run { _ in } }
        #expect(failure?.code == .memoryLimit)
        #expect(failure?.detail.hasPrefix("the job needs about ") == true)
        #expect(failure?.detail.hasSuffix(" bytes of memory and may have 31,457,280") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        let words = try #require(failure?.hint).split(separator: " ")
        let batch = try #require(words[0].split(separator: "=").last.flatMap { Int($0) })
        #expect(words.joined(separator: " ") == "batch_size=\(batch) would fit")
        _ = try Self.training(folder, batch: batch).run { _ in }
        #expect(throws: Problem.self) { try Self.training(folder, batch: batch + 1).run { _ in } }
    }

    @Test func `a compression that does not fit ends before its work`() throws {
        let folder = try TemporaryFolder()
        var order = CompressionOrder(
            model: Samples.vgg, data: Samples.digits, options: try JobOptions(decoding: JSONValue.Object()),
            output: folder.path + "/out.onnx")
        order.memoryLimitBytes = 1 << 20
        var phases: [String] = []
        let failure = #expect(throws: Problem.self) {
            try Compression.run(order) { if $0.kind == .phase { phases.append($0.message) } }
        }
        #expect(failure?.code == .memoryLimit)
        #expect(failure?.hint == "no smaller batch would fit: allow the job more memory, or use fewer samples")
        #expect(phases == ["validating"])
    }

    @Test func `what trains less is proposed where it fits`() throws {
        func estimate(_ bytes: Int) -> MemoryEstimate { MemoryEstimate(heapBytes: bytes, mappedBytes: 0) }
        let limit = try #require(MemoryLimit(100))
        let others = [
            MemoryLimit.Remedy(kind: "sequence", words: "data with sequence of 64") { estimate(101) },
            .init(kind: "sequence", words: "data with sequence of 32") { estimate(99) },
            .init(kind: "sequence", words: "data with sequence of 16") { estimate(9) },
            .init(kind: "train", words: "train=collapsed") { estimate(100) },
        ]
        let failure = #expect(throws: Problem.self) {
            try limit.require(estimate(400), batch: 8, atBatch: { estimate(20 + 30 * $0) }, others: others)
        }
        #expect(failure?.hint == "batch_size=2, or data with sequence of 32, or train=collapsed would fit")
        try limit.require(estimate(100), batch: 8, atBatch: { _ in estimate(1000) })
    }
}
