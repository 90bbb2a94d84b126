import ByteText
import Collapse
import Formats
import Foundation
import Glibc
import JobContract
import Model
import SystemCalls

/// The checkpoints of one job as files in a folder: the newest of each work, named by the work and the SHA-256 of the
/// file, so that a job whose process was killed can resume. A class because it remembers when it last wrote.
///
/// A checkpoint is written to a temporary file, synchronised and renamed; only then the previous one is removed. One
/// that is damaged, or comes from another order or program version, is removed with a warning, and its work starts
/// over. The works of a search may come from a job with other budgets.
final class CheckpointFolder {
    private let path: String
    private let identity: String
    private let searchIdentity: String
    private let progress: CompressionProgress
    private let now: () -> ContinuousClock.Instant
    private var last: (end: ContinuousClock.Instant, duration: Duration)
    private var hasFailed = false
    /// The number of works that a job with another budget has left.
    private var takenCount = 0
    /// The checkpoints left by earlier processes and not used yet, by work.
    private var found: [String: Checkpoint] = [:]

    /// The time between checkpoints: at least `interval`, and at least `patience` times the time to write one.
    private static let interval = Duration.milliseconds(200)
    private static let patience = 20
    private static let ending = ".safetensors"

    /// - Parameters:
    ///   - path: path of the folder, created when missing.
    ///   - identity: digest of everything that the numbers depend on; checkpoints with another one are discarded.
    ///   - searchIdentity: the same for the works of a search.
    ///   - progress: saved with the numbers; reports on the checkpoints.
    ///   - now: returns the time.
    /// - Throws: ``SystemError`` when the folder cannot be created.
    init(
        _ path: String, identity: String, searchIdentity: String, progress: CompressionProgress,
        now: @escaping () -> ContinuousClock.Instant = { .now }
    ) throws(SystemError) {
        try DurableFile.makeFolder(path)
        (self.path, self.identity, self.progress, self.now) = (path, identity, progress, now)
        self.searchIdentity = searchIdentity
        last = (now(), .zero)
        for name in names.sorted() { load(name) }
        if takenCount > 0 { progress.log("\(takenCount) results of an earlier search are used") }
    }

    var keeper: CheckpointKeeper {
        CheckpointKeeper(
            find: { self.found.removeValue(forKey: $0) }, offer: { self.offered($0, isEnd: $1, $2) },
            reject: { work, error in self.ignored(work, "\(error)") })
    }

    private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

    /// - Parameters:
    ///   - work: name of the work.
    ///   - digest: digest of the file, with the prefix `sha256:`.
    /// - Returns: the name of the file in the folder.
    private static func name(of work: String, digest: String) -> String { "\(work).\(digest.dropBytes(7))\(ending)" }

    private func remove(_ name: String) { try? FileManager.default.removeItem(atPath: "\(path)/\(name)") }

    // MARK: Writing

    private func offered(_ work: String, isEnd: Bool, _ checkpoint: () -> Checkpoint) {
        let begin = now()
        guard isEnd || begin - last.end >= max(Self.interval, last.duration * Self.patience) else { return }
        do {
            try write(checkpoint(), of: work)
            hasFailed = false
        } catch {
            if !hasFailed {
                progress.warn(
                    "a checkpoint could not be written: \(Self.reason(error)); the job goes on, and an interruption would "
                        + "cost the work since the last one", code: "checkpoint_failed")
            }
            hasFailed = true
        }
        let end = now()
        last = (end, end - begin)
    }

    private func write(_ checkpoint: Checkpoint, of work: String) throws {
        var metadata = ["identity": identity, "step": String(checkpoint.step)]
        if Collapser.isSearch(work) { metadata["search"] = searchIdentity }
        for (name, value) in checkpoint.figures { metadata["figure.\(name)"] = "\(value)" }
        for (name, value) in progress.figures { metadata["progress.\(name)"] = "\(value)" }
        let temporary = "\(path)/\(work).\(getpid()).tmp"
        try Safetensors.write(checkpoint.tensors, metadata: metadata, to: temporary)
        let name = Self.name(of: work, digest: try FileDigest.sha256(temporary))
        let older = names.filter { $0.startsWithBytes(of: work + ".") && $0.endsWithBytes(of: Self.ending) }
        try DurableFile.move(temporary, to: "\(path)/\(name)")
        try DurableFile.synchroniseFolder(path)
        for other in older where other != name { remove(other) }
        progress.advance(work, step: checkpoint.step)
    }

    /// The reason of an error, without the path, which must not leave the process.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case FormatError.unwritable(_, let reason): reason
        case FormatError.noRoom: "there is no room left on the disk"
        default: "\(error)"
        }
    }

    // MARK: Reading

    /// Loads one file. A process killed while it writes leaves a partial file; killed just after, it leaves two of one
    /// work, and the later step is the newer.
    private func load(_ name: String) {
        guard name.endsWithBytes(of: Self.ending) else { return remove(name) }
        let work = name.bytes(before: UInt8(ascii: "."))
        do throws(Refusal) {
            let (checkpoint, figures) = try read(name, of: work)
            progress.resume(from: figures)
            if checkpoint.step >= found[work]?.step ?? 0 { found[work] = checkpoint }
        } catch {
            ignored(work, error.reason)
            remove(name)
        }
    }

    /// The reason why a file is not a checkpoint of this job.
    private struct Refusal: Error { let reason: String }

    private func read(
        _ name: String, of work: String
    ) throws(Refusal) -> (checkpoint: Checkpoint, progress: [String: Double]) {
        let file = "\(path)/\(name)"
        guard let digest = try? FileDigest.sha256(file), name.hasBytes(of: Self.name(of: work, digest: digest)) else {
            throw Refusal(reason: "it is damaged")
        }
        guard let contents = try? Safetensors.contents(of: MappedFile(file)) else {
            throw Refusal(reason: "it cannot be read")
        }
        let isOwn = contents.metadata["identity"] == identity
        guard isOwn || Collapser.isSearch(work) && contents.metadata["search"] == searchIdentity else {
            throw Refusal(reason: "other files, other options or another version of the program made it")
        }
        guard let step = contents.metadata["step"].flatMap(Int.init) else { throw Refusal(reason: "it has no step") }
        func figures(_ prefix: String) -> [String: Double] {
            var figures: [String: Double] = [:]
            for (name, value) in contents.metadata where name.startsWithBytes(of: prefix) {
                figures[name.dropBytes(prefix.utf8.count)] = Double(value) ?? .nan
            }
            return figures
        }
        if !isOwn { takenCount += 1 }
        return (
            Checkpoint(step: step, tensors: contents.arrays.mapValues(\.tensor), figures: figures("figure.")),
            isOwn ? figures("progress.") : [:]
        )
    }

    /// Moves the works of the search into a folder, for jobs with other budgets.
    ///
    /// - Parameters:
    ///   - folder: path of a folder on the same file system, created when missing.
    ///   - limitBytes: the bytes that the folder may take; nil for no limit. What does not fit is left out.
    /// - Throws: ``SystemError``.
    func keepSearch(in folder: String, limitBytes: Int?) throws(SystemError) {
        try DurableFile.makeFolder(folder)
        var room = limitBytes ?? .max
        let works = names.filter { Collapser.isSearch($0.bytes(before: UInt8(ascii: "."))) }
        // The small ones first: the survey takes the most time.
        for (bytes, name) in works.map({ (FileDigest.byteCount("\(path)/\($0)"), $0) }).sorted(by: <)
        where bytes <= room {
            try DurableFile.move("\(path)/\(name)", to: "\(folder)/\(name)")
            room -= bytes
        }
    }

    private func ignored(_ work: String, _ reason: String) {
        progress.warn("a checkpoint of \(work) is not used: \(reason)", code: "checkpoint_ignored")
    }
}
