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

@Suite struct CheckpointFolderTests {
    /// A folder of checkpoints on a clock that only the test moves. A class because the folder reads its time.
    private final class Desk {
        let place = Result { try TemporaryFolder() }
        var time = ContinuousClock.now
        var heard: [WorkEvent] = []
        var progress = CompressionProgress { _ in }

        /// - Returns: the folder as a new process of the job opens it.
        func open(_ identity: String = "order", search: String = "search") throws -> CheckpointKeeper {
            try folder(identity, search: search).keeper
        }

        func folder(_ identity: String, search: String) throws -> CheckpointFolder {
            progress = CompressionProgress { self.heard.append($0) }
            return try CheckpointFolder(
                path, identity: identity, searchIdentity: search, progress: progress, now: { self.time })
        }

        var path: String { ((try? place.get().path) ?? "/nowhere") + "/checkpoints" }
        var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
        var warnings: [String] { heard.filter { $0.kind == .warning }.map(\.message) }
        var told: [String] { heard.filter { $0.kind == .checkpoint }.map(\.message) }
    }

    private static func checkpoint(_ step: Int) throws -> Checkpoint {
        let parameter = try Tensor((0..<6).map { Float($0) / Float(step) }, Shape([2, 3]))
        return Checkpoint(
            step: step, tensors: ["parameter.0": parameter, "moment.0.0": try Tensor([Float(step)], Shape([1]))],
            figures: ["r2": 1 / Double(step)])
    }

    private static func expectSame(
        _ found: Checkpoint?, _ step: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (found, expected) = (try #require(found, sourceLocation: sourceLocation), try checkpoint(step))
        #expect(found.step == step, sourceLocation: sourceLocation)
        #expect(found.figures == expected.figures, sourceLocation: sourceLocation)
        #expect(
            found.tensors.mapValues(\.floats) == expected.tensors.mapValues(\.floats), sourceLocation: sourceLocation)
        #expect(found.tensors.mapValues(\.shape) == expected.tensors.mapValues(\.shape), sourceLocation: sourceLocation)
    }

    @Test func `what one process left the next one finds, of each work the newest`() throws {
        let desk = Desk()
        let first = try desk.open()
        #expect(first.find("slopes") == nil)
        let steps = [("slopes", 3), ("slopes", 7), ("slopes-1", 2)]
        for (work, step) in steps {
            let checkpoint = try Self.checkpoint(step)
            first.offer(work, true) { checkpoint }
        }
        #expect(desk.told == ["slopes step 3", "slopes step 7", "slopes-1 step 2"])
        #expect(desk.names.count == 2)
        let second = try desk.open()
        try Self.expectSame(second.find("slopes"), 7)
        try Self.expectSame(second.find("slopes-1"), 2)
        #expect(second.find("slopes-2") == nil)
        #expect(desk.warnings.isEmpty)
    }

    @Test func `the works of a search are found by a job with another budget, and no others`() throws {
        let desk = Desk()
        let checkpoint = try Self.checkpoint(3)
        let works = ["survey", "point-1x", "finetuning-1-10", "times"]
        let first = try desk.folder("tight", search: "files")
        for work in works { first.keeper.offer(work, true) { checkpoint } }
        let seconds = try #require(desk.progress.figures["seconds"])
        #expect(seconds >= 0)
        let second = try desk.open("loose", search: "files")
        for work in works.prefix(2) { try Self.expectSame(second.find(work), 3) }
        for work in works.dropFirst(2) { #expect(second.find(work) == nil) }
        #expect(desk.warnings.count == 2)
        #expect(desk.progress.figures["fraction"] == 0)
        #expect(try desk.open("loose", search: "other files").find("survey") == nil)
    }

    @Test func `a search is kept for later jobs, the small works first, within the room`() throws {
        let desk = Desk()
        let folder = try desk.folder("tight", search: "files")
        let large = Checkpoint(step: 1, tensors: ["a": try Tensor([Float](repeating: 1, count: 9999), Shape([9999]))])
        folder.keeper.offer("point-1x", true) { large }
        let small = try Self.checkpoint(3)
        for work in ["survey", "finetuning-1-10"] { folder.keeper.offer(work, true) { small } }
        try folder.keepSearch(in: desk.path + "-kept", limitBytes: 30_000)
        func kept() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: desk.path + "-kept").sorted()
                .map { String($0.prefix { $0 != "." }) }
        }
        #expect(try kept() == ["survey"])
        try folder.keepSearch(in: desk.path + "-kept", limitBytes: 50_000)
        #expect(try kept() == ["point-1x", "survey"])
        #expect(desk.names.count == 1)
    }

    @Test func `a figure is found again whatever its name begins with`() throws {
        let desk = Desk()
        let figures = ["\u{301}r2": 0.5, "r2": 1]
        let tensor = try Tensor([Float(1)], Shape([1]))
        try desk.open().offer("slopes", true) { Checkpoint(step: 1, tensors: ["moment.0.0": tensor], figures: figures) }
        #expect(try desk.open().find("slopes")?.figures == figures)
    }

    @Test func `it writes five times a second at most, and an end always`() throws {
        let desk = Desk()
        let keeper = try desk.open()
        for step in 1...100 {
            desk.time += .milliseconds(100)
            let checkpoint = try Self.checkpoint(step)
            keeper.offer("slopes", step == 5) { checkpoint }
        }
        #expect(desk.told.prefix(4) == ["slopes step 2", "slopes step 4", "slopes step 5", "slopes step 7"])
    }

    @Test func `it writes the less often the longer that takes`() throws {
        let desk = Desk()
        let keeper = try desk.open()
        for step in 1...100 {
            desk.time += .seconds(1)
            let checkpoint = try Self.checkpoint(step)
            keeper.offer("slopes", false) {
                desk.time += .seconds(2)
                return checkpoint
            }
        }
        #expect(desk.told == ["slopes step 1", "slopes step 41", "slopes step 81"])
    }

    /// Ways to damage a checkpoint file.
    @Test(arguments: ["a bit", "the end", "all", "the name"])
    func `a damaged checkpoint is taken away with a warning`(damage: String) throws {
        let desk = Desk()
        let checkpoint = try Self.checkpoint(3)
        try desk.open().offer("slopes", true) { checkpoint }
        let name = try #require(desk.names.first)
        let file = URL(filePath: "\(desk.path)/\(name)")
        var bytes = try Data(contentsOf: file)
        switch damage {
        case "a bit": bytes[bytes.count - 5] ^= 4
        case "the end": bytes.removeLast(9)
        case "all": bytes = Data()
        default: try FileManager.default.removeItem(at: file)
        }
        let place = damage == "the name" ? URL(filePath: "\(desk.path)/slopes.0123.safetensors") : file
        try bytes.write(to: place)
        #expect(try desk.open().find("slopes") == nil)
        #expect(desk.warnings == ["a checkpoint of slopes is not used: it is damaged"])
        #expect(desk.names.isEmpty)
    }

    @Test func `beside a damaged checkpoint the one before it still counts`() throws {
        let desk = Desk()
        let keeper = try desk.open()
        let (older, newer) = (try Self.checkpoint(3), try Self.checkpoint(4))
        keeper.offer("slopes", true) { older }
        let name = try #require(desk.names.first)
        let bytes = try Data(contentsOf: URL(filePath: "\(desk.path)/\(name)"))
        keeper.offer("slopes", true) { newer }
        // Killed before the older one was removed; then the disk lost a bit of the newer one.
        try bytes.write(to: URL(filePath: "\(desk.path)/\(name)"))
        try Self.expectSame(desk.open().find("slopes"), 4)
        let other = URL(filePath: "\(desk.path)/\(try #require(desk.names.first { $0 != name }))")
        var damaged = try Data(contentsOf: other)
        damaged[20] ^= 1
        try damaged.write(to: other)
        try Self.expectSame(desk.open().find("slopes"), 3)
        #expect(desk.warnings == ["a checkpoint of slopes is not used: it is damaged"])
        #expect(desk.names == [name])
    }

    @Test func `a checkpoint of another order is taken away with a warning`() throws {
        let desk = Desk()
        let checkpoint = try Self.checkpoint(3)
        try desk.open().offer("slopes", true) { checkpoint }
        #expect(try desk.open("another order").find("slopes") == nil)
        #expect(
            desk.warnings == [
                "a checkpoint of slopes is not used: other files, other options or another version of the program made it"
            ])
        #expect(desk.names.isEmpty)
    }

    @Test func `half a file goes when the next process starts`() throws {
        let desk = Desk()
        _ = try desk.open()
        for name in ["slopes.12.tmp", "slopes.12.tmp.partial"] {
            try Data([1]).write(to: URL(filePath: "\(desk.path)/\(name)"))
        }
        _ = try desk.open()
        #expect(desk.names.isEmpty)
    }

    @Test func `where nothing can be written the work goes on, and says so once`() throws {
        let desk = Desk()
        let keeper = try desk.open()
        try FileManager.default.removeItem(atPath: desk.path)
        for step in 1...3 {
            let checkpoint = try Self.checkpoint(step)
            keeper.offer("slopes", true) { checkpoint }
        }
        #expect(
            desk.warnings == [
                "a checkpoint could not be written: No such file or directory; the job goes on, and an interruption would "
                    + "cost the work since the last one"
            ])
        #expect(desk.told.isEmpty)
    }

    @Test func `how far the whole is goes on too`() throws {
        let desk = Desk()
        let checkpoint = try Self.checkpoint(3)
        let first = try desk.open()
        desk.progress.begin(.finetuning)
        desk.progress.take(.progress(done: 1, of: 2))
        first.offer("slopes", true) { checkpoint }
        _ = try desk.open().find("slopes")
        desk.progress.begin(.baseline)
        desk.progress.take(.progress(done: 1, of: 2))
        #expect(desk.heard.last?.data["fraction"]?.double == CompressionPhase.finetuning.overall(0.5))
        desk.progress.resume(from: ["seconds": 3600, "fraction": 7])
        #expect(desk.progress.elapsedSeconds >= 3600)
        #expect(desk.progress.figures["fraction"] == CompressionPhase.finetuning.overall(0.5))
    }
}

/// Whole jobs in a folder prepared by the server.
@Suite struct ResumedCompressionTests {
    /// Writes the data file to the folder beside those of the jobs.
    private static func writeData(to folder: TemporaryFolder) throws -> String {
        let images = try #require(try Samples.array("x_test", of: Samples.digits)).rows(0..<60)
        try NPZ.write([("x", images)], to: folder.path + "/some.npz")
        return folder.path + "/some.npz"
    }

    private static func order(_ folder: String, _ data: String, seed: Int = 0) throws -> CompressionOrder {
        let given: [(String, JSONValue)] = [
            ("max_layers", 1), ("steps", 6), ("batch_size", 8), ("train", "all"), ("seed", .int(seed)),
        ]
        return CompressionOrder(
            model: Samples.mlp, data: data, options: try JobOptions(decoding: JSONValue.Object(given)),
            output: folder + "/model.onnx", checkpoints: folder + "/checkpoints")
    }

    /// - Returns: the model's bytes, and the events.
    private static func run(
        _ order: CompressionOrder, emit: (WorkEvent) -> Void = { _ in }
    ) throws -> (model: [UInt8], heard: [WorkEvent]) {
        var heard: [WorkEvent] = []
        try withoutActuallyEscaping(emit) { emit in
            _ = try Compression.run(order) { event in
                heard.append(event)
                emit(event)
            }
        }
        return (try Samples.bytes(order.output), heard)
    }

    private static func steps(_ heard: [WorkEvent]) -> Int { heard.count { $0.kind == .metrics } }
    private static func codes(_ heard: [WorkEvent]) -> [String] {
        heard.filter { $0.kind == .warning }.compactMap { $0.data["code"]?.string }
    }

    @Test func `a job goes on from its folder, and from nobody else's`() throws {
        let folder = try TemporaryFolder()
        let data = try Self.writeData(to: folder)
        let places = try ["whole", "resumed", "other"].map { name in
            let place = "\(folder.path)/\(name)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
            return place
        }
        let whole = try Self.run(try Self.order(places[0], data))
        #expect(Self.steps(whole.heard) == 6)
        #expect(whole.heard.contains { $0.kind == .checkpoint })

        for place in places.dropFirst() {
            try FileManager.default.copyItem(atPath: places[0] + "/checkpoints", toPath: place + "/checkpoints")
        }
        let resumed = try Self.run(try Self.order(places[1], data))
        #expect(resumed.model == whole.model)
        #expect(Self.steps(resumed.heard) == 0)
        #expect(Self.codes(resumed.heard) == ["few_samples"])

        let other = try Self.run(try Self.order(places[2], data, seed: 1))
        #expect(other.model != whole.model)
        #expect(Self.steps(other.heard) == 6)
        #expect(Set(Self.codes(other.heard)) == ["checkpoint_ignored", "few_samples"])
        let fresh = folder.path + "/fresh"
        try FileManager.default.createDirectory(atPath: fresh, withIntermediateDirectories: false)
        #expect(try Self.run(try Self.order(fresh, data, seed: 1)).model == other.model)
    }
}
