import Compute
import Formats
import Foundation
import Model
import Options
import SystemCalls
import TestSupport
import Testing

@testable import Collapse
@testable import JobContract
@testable import Pipeline

/// The stored points of one compression, held to the files that `--front` writes.
struct PointFolderTests {
    private struct Run {
        let folder: TemporaryFolder
        let points: [JSONValue]
        let warnings: [WorkEvent]

        init(limitBytes: Int? = nil, hasFront: Bool = true) throws {
            folder = try TemporaryFolder()
            let images = try #require(try Samples.array("x_test", of: Samples.digits)).rows(0..<300)
            try NPZ.write([("x", images)], to: folder.file("some.npz"))
            var options = JobOptions()
            options.finetune = .none
            var order = CompressionOrder(
                model: Samples.mlp, data: folder.file("some.npz"), options: options,
                output: folder.file("small.onnx"), front: hasFront ? folder.file("front") : nil,
                points: folder.file("points"))
            order.pointsLimitBytes = limitBytes
            var heard: [WorkEvent] = []
            points = try Compression.run(order) { heard.append($0) }.document["pareto"]?.array ?? []
            warnings = heard.filter { $0.data["code"] == "point_not_kept" }
        }

        /// The whole file of a stored point.
        func whole(_ index: Int) throws -> [UInt8] {
            let difference = try FileDifference(reading: folder.file("points/" + JobFolder.pointID(index)))
            let sources = try difference.sources.map { source in
                switch source.folder {
                case .model:
                    #expect(source.name == "digits-mlp.onnx")
                    return try Samples.bytes(Samples.mlp)
                case .points: return try Samples.bytes(folder.file("points/" + source.name))
                }
            }
            return difference.segments.flatMap { sources[$0.source][$0.range] }
        }
    }

    private static let run = Result { try Run() }

    @Test func `every point is stored and gives the file that the front has`() throws {
        let run = try Self.run.get()
        #expect(run.points.count >= 8)
        #expect(run.warnings.isEmpty)
        for (index, point) in run.points.enumerated() {
            let file = run.folder.file("front/point-\(index + 1).onnx")
            let whole = try run.whole(index)
            #expect(try whole == Samples.bytes(file))
            #expect(point["bytes"]?.int == whole.count)
            #expect(point["digest"]?.string == (try FileDigest.sha256(file)))
        }
        #expect(
            try DurableFile.names(in: run.folder.file("points")).count == run.points.count + 1)
    }

    @Test func `beyond the limit of the service points are left out with a warning`() throws {
        let whole = try Self.run.get()
        // Room for the new bytes of the first point, and tables as long as they may be.
        let first = try FileDifference(reading: whole.folder.file("points/ckpt_1"))
        let limit = try #require(first.sources.first { $0.folder == .points }).byteCount
        let limited = try Run(limitBytes: limit + FileDifference.Limits.bytes, hasFront: false)
        #expect(limited.points.map { $0["parameters"] } == whole.points.map { $0["parameters"] })
        let kept = limited.points.filter { $0["digest"]?.string != nil }
        #expect(kept.count >= 1 && kept.count < whole.points.count)
        #expect(try DurableFile.names(in: limited.folder.file("points")).count == kept.count + 1)
        #expect(
            limited.warnings.map(\.message) == [
                "\(whole.points.count - kept.count) of \(whole.points.count) points cannot be downloaded: "
                    + "the service keeps no more bytes (stored_limit_bytes)"
            ])
    }

    /// Writes two points that are the original itself.
    ///
    /// - Returns: the number of stored points, and the warnings.
    private func write(
        _ folder: TemporaryFolder, spareBytes: Int = 0, hasTime: Bool = true
    ) throws -> (count: Int, warnings: [String]) {
        var warnings: [String] = []
        let model = try SourceModel(Samples.mlp)
        let point = ParetoPoint(try model.graph(batch: 2), plan: [:], nil)
        var points = PointFolder(path: folder.file("points"), limitBytes: nil)
        points.spareBytes = spareBytes
        let progress = CompressionProgress { if $0.kind == .warning { warnings.append($0.message) } }
        let written = points.write([point, point], of: model, progress: progress) { _ in hasTime }
        return (written.count { $0 != nil }, warnings)
    }

    @Test func `a full disk or a near deadline costs the points and not the job`() throws {
        let folder = try TemporaryFolder()
        #expect(try write(folder) == (2, []))
        // Only the table is stored of what is the original.
        #expect(FileDigest.byteCount(folder.file("points/ckpt_1")) < 200)
        let words = "2 of 2 points cannot be downloaded: "
        #expect(try write(folder, spareBytes: .max) == (0, [words + "there is no room left on the disk"]))
        #expect(try DurableFile.names(in: folder.file("points")) == ["new"])
        #expect(try write(folder, hasTime: false) == (0, [words + "the deadline is too near"]))
    }

    @Test func `a folder that cannot be made costs the points and not the job`() throws {
        let folder = try TemporaryFolder()
        let model = try SourceModel(Samples.mlp)
        let point = ParetoPoint(try model.graph(batch: 2), plan: [:], nil)
        var warnings: [String] = []
        let progress = CompressionProgress { if $0.kind == .warning { warnings.append($0.message) } }
        let written = PointFolder(path: folder.file("absent/points"), limitBytes: nil)
            .write([point], of: model, progress: progress) { _ in true }
        #expect(written.count == 1 && written[0] == nil)
        #expect(warnings == ["1 of 1 points cannot be downloaded: mkdir failed: No such file or directory"])
    }
}
