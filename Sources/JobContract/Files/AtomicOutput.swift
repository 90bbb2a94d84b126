import Foundation
import Glibc
import Synchronization

/// A class, because it owns a hidden folder beside the place of a result. What is written there appears under its own name
/// whole or not at all; the folder goes with its owner, also when the process is interrupted.
package final class AtomicOutput {
    private let target: URL
    private let folder: String
    private static let open = Mutex<Set<String>>([])

    /// - Parameter path: where the result will be.
    /// - Throws: ``StorageError`` when nothing can be written beside it.
    package init(of path: String) throws(StorageError) {
        target = URL(filePath: path).standardizedFileURL
        let parent = target.deletingLastPathComponent().path
        folder = "\(parent)/.\(target.lastPathComponent).\(getpid()).tmp"
        try DurableFile.makeFolder(folder)
        let folder = folder
        Self.open.withLock { _ = $0.insert(folder) }
    }

    deinit { Self.remove(folder) }

    /// Where the result is to be written now.
    package var file: String { folder + "/" + target.lastPathComponent }

    /// Gives every file that was written its name beside the target; the target itself comes last.
    package func publish() throws(StorageError) {
        let written = try DurableFile.names(in: folder)
        let parent = target.deletingLastPathComponent().path
        for name in written { try DurableFile.synchronise(folder + "/" + name) }
        for name in written where name != target.lastPathComponent {
            try DurableFile.move(folder + "/" + name, to: parent + "/" + name)
        }
        try DurableFile.move(file, to: target.path)
        try DurableFile.synchroniseFolder(parent)
    }

    /// Writes one text under a name, whole or not at all.
    package static func write(_ text: String, to path: String) throws(StorageError) {
        let publication = try AtomicOutput(of: path)
        // As the person who runs the program has files made; the service's own folders let nobody in.
        try DurableFile.write(text, creating: publication.file, mode: 0o666)
        try publication.publish()
    }

    /// Removes what is half written; for a process that is about to end.
    package static func abandonAll() {
        for folder in open.withLock({ $0 }) { remove(folder) }
    }

    private static func remove(_ folder: String) {
        try? FileManager.default.removeItem(atPath: folder)
        open.withLock { _ = $0.remove(folder) }
    }
}
