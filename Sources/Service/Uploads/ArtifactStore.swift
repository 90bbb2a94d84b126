import Foundation
import Glibc
package import JobContract
import Synchronization

/// The uploads, on disk: `files/ID/file.json` with the parts beside it as `0`, `1`, ...
///
/// A class, because it owns the folder and the index of it. An upload is written below `tmp`, part by part, each synchronised,
/// and the one `rename` of its folder into `files` is its commit: it is there whole or not at all, whatever happens when.
/// `tmp` lies in the same file system, and what a killed server left in it is deleted at the next start.
package final class ArtifactStore: Sendable {
    private let folder: String
    private let temporary: String
    private let index = Mutex<[String: StoredFile]>([:])
    /// Folders below `files` that are not whole: kept, and reported at start-up.
    package let damaged: [String]

    /// Opens the store below a data directory, and makes it where there is none.
    package init(dataDirectory: String) throws(StorageError) {
        folder = dataDirectory + "/files"
        temporary = dataDirectory + "/tmp"
        // What was half uploaded; nothing in it was acknowledged.
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

    /// A file of one part with this SHA-256.
    package func file(digest: String) -> StoredFile? {
        index.withLock { files in
            files.values.filter { $0.parts.count == 1 && $0.parts[0].digest == digest }.min { $0.id < $1.id }
        }
    }

    /// The newest first.
    package var files: [StoredFile] { index.withLock { $0.values.sorted { $0.id > $1.id } } }

    package var storedBytes: Int { index.withLock { $0.values.reduce(0) { $0 + $1.bytes } } }

    /// Where the bytes of a part are.
    package func path(of file: StoredFile, part: Int = 0) -> String { "\(folder)/\(file.id)/\(part)" }

    /// Starts an upload; it is gone again unless it is committed.
    package func upload(id: String) throws(StorageError) -> Upload {
        try Upload(id: id, folder: "\(temporary)/\(id)")
    }

    /// Makes an upload last. When this returns, the file is there after power loss as well.
    package func commit(_ upload: Upload, purpose: StoredFile.Purpose, at now: Int) throws(StorageError) -> StoredFile {
        let file = StoredFile(id: upload.id, purpose: purpose, createdAt: now, parts: upload.parts)
        precondition(!file.parts.isEmpty, "an upload without a part is refused before it is committed")
        try DurableFile.write(file.document.text(), creating: upload.folder + "/file.json")
        try DurableFile.synchroniseFolder(upload.folder)
        try DurableFile.move(upload.folder, to: "\(folder)/\(file.id)")
        try DurableFile.synchroniseFolder(folder)
        index.withLock { $0[file.id] = file }
        return file
    }

    /// Forgets a file; a job that was given it keeps its own name for the bytes.
    ///
    /// - Returns: whether there was one
    package func delete(_ id: String) throws(StorageError) -> Bool {
        guard index.withLock({ $0[id] }) != nil else { return false }
        // Out of `files` at once and whole: a server killed half-way through finds it in `tmp` and finishes the work.
        do throws(StorageError) {
            try DurableFile.move("\(folder)/\(id)", to: "\(temporary)/\(id)")
        } catch .failed(_, ENOENT) {
            // Somebody else was quicker.
            return false
        }
        _ = index.withLock { $0.removeValue(forKey: id) }
        try DurableFile.synchroniseFolder(folder)
        try? FileManager.default.removeItem(atPath: "\(temporary)/\(id)")
        return true
    }
}
