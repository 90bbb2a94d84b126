import Foundation
import JobContract
import Synchronization
package import SystemCalls

/// The uploads on disk: `files/ID/file.json` with the parts beside it as `0`, `1`, ...
///
/// A class because it owns the folder and its index. An upload is written below `tmp`, each part synchronised. The
/// `rename` of its folder into `files` commits it, so it exists whole or not at all. `tmp` is on the same file system;
/// remains of a killed server are deleted at the next start.
package final class ArtifactStore: Sendable {
    private let folder: String
    private let temporary: String
    private let index = Mutex<[String: StoredFile]>([:])
    /// Incomplete folders below `files`: kept, and reported at start-up.
    package let damaged: [String]

    /// Opens the store below a data directory, creating it when missing.
    package init(dataDirectory: String) throws(SystemError) {
        folder = dataDirectory + "/files"
        temporary = dataDirectory + "/tmp"
        // Partial uploads, which were never acknowledged.
        for name in try DurableFile.names(in: temporary) {
            try? FileManager.default.removeItem(atPath: "\(temporary)/\(name)")
        }
        for path in [folder, temporary] { try DurableFile.makeFolder(path) }
        try DurableFile.synchroniseFolder(dataDirectory)
        var found: [String: StoredFile] = [:]
        var damaged: [String] = []
        for name in try DurableFile.names(in: folder) {
            if let file = Self.read(name, in: folder) { found[name] = file } else { damaged.append(name) }
        }
        self.damaged = damaged
        index.withLock { [found] in $0 = found }
    }

    private static func read(_ id: String, in folder: String) -> StoredFile? {
        guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(id)/file.json"),
            let document = try? JSONParser.parse(Array(bytes)), let file = StoredFile(document: document), file.id == id
        else { return nil }
        for (number, part) in file.parts.enumerated() {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(id)/\(number)")
            guard (attributes?[.size] as? NSNumber)?.intValue == part.bytes else { return nil }
        }
        return file
    }

    package func file(_ id: String) -> StoredFile? { index.withLock { $0[id] } }

    /// The oldest file of one part with this SHA-256.
    package func file(digest: String) -> StoredFile? {
        index.withLock { files in
            files.values.filter { $0.parts.count == 1 && $0.parts[0].digest == digest }.min { $0.id < $1.id }
        }
    }

    /// All files, the newest first.
    package var files: [StoredFile] { index.withLock { $0.values.sorted { $0.id > $1.id } } }

    package var storedBytes: Int { index.withLock { $0.values.reduce(0) { $0 + $1.bytes } } }

    /// The path of a part.
    package func path(of file: StoredFile, part: Int = 0) -> String { "\(folder)/\(file.id)/\(part)" }

    /// Starts an upload, which is removed again unless committed.
    package func upload(id: String) throws(SystemError) -> Upload { try Upload(id: id, folder: "\(temporary)/\(id)") }

    /// Makes an upload permanent. When this returns, the file survives a power loss.
    package func commit(_ upload: Upload, purpose: StoredFile.Purpose, at now: Int) throws(SystemError) -> StoredFile {
        let file = StoredFile(id: upload.id, purpose: purpose, createdAt: now, parts: upload.parts)
        precondition(!file.parts.isEmpty, "an upload without a part is refused before it is committed")
        try DurableFile.write(file.document.text(), creating: upload.folder + "/file.json")
        try DurableFile.synchroniseFolder(upload.folder)
        try DurableFile.move(upload.folder, to: "\(folder)/\(file.id)")
        try DurableFile.synchroniseFolder(folder)
        index.withLock { $0[file.id] = file }
        return file
    }

    /// Deletes a file. Jobs that use it keep their own links to the bytes.
    ///
    /// - Returns: true when the file existed
    package func delete(_ id: String) throws(SystemError) -> Bool {
        guard index.withLock({ $0[id] }) != nil else { return false }
        // Moved out of `files` in one step: after a kill half-way, the next start deletes the rest from `tmp`.
        do throws(SystemError) {
            try DurableFile.move("\(folder)/\(id)", to: "\(temporary)/\(id)")
        } catch {
            // Another request deleted it first.
            if error.isAbsent { return false }
            throw error
        }
        _ = index.withLock { $0.removeValue(forKey: id) }
        try DurableFile.synchroniseFolder(folder)
        try? FileManager.default.removeItem(atPath: "\(temporary)/\(id)")
        return true
    }
}
