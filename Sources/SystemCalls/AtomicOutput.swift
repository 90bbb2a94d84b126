import Foundation
import Glibc
import Synchronization

/// An output that appears under its name whole or not at all. A class because it owns a hidden folder beside the
/// target, which is removed with it, even when the process is interrupted.
package final class AtomicOutput {
    private let target: URL
    private let folder: String
    private static let open = Mutex<Set<String>>([])

    /// - Parameter path: the path of the output.
    /// - Throws: ``SystemError`` when nothing can be written beside it.
    package init(of path: String) throws(SystemError) {
        target = URL(filePath: path).standardizedFileURL
        let parent = target.deletingLastPathComponent().path
        folder = "\(parent)/.\(target.lastPathComponent).\(getpid()).tmp"
        try DurableFile.makeFolder(folder)
        let folder = folder
        Self.open.withLock { _ = $0.insert(folder) }
    }

    deinit { Self.remove(folder) }

    /// The temporary path to write to.
    package var file: String { folder + "/" + target.lastPathComponent }

    /// Moves every written file beside the target; the target itself comes last.
    package func publish() throws(SystemError) {
        let written = try DurableFile.names(in: folder)
        let parent = target.deletingLastPathComponent().path
        for name in written { try DurableFile.synchronise(folder + "/" + name) }
        for name in written where name != target.lastPathComponent {
            try DurableFile.move(folder + "/" + name, to: parent + "/" + name)
        }
        try DurableFile.move(file, to: target.path)
        try DurableFile.synchroniseFolder(parent)
    }

    /// Writes a text to a file, whole or not at all.
    package static func write(_ text: String, to path: String) throws(SystemError) {
        let publication = try AtomicOutput(of: path)
        // The user's umask decides who may read it; the server's folders admit nobody else.
        try DurableFile.write(text, creating: publication.file, mode: 0o666)
        try publication.publish()
    }

    /// Removes all partial output, for a process that is about to end.
    package static func abandonAll() { for folder in open.withLock({ $0 }) { remove(folder) } }

    private static func remove(_ folder: String) {
        try? FileManager.default.removeItem(atPath: folder)
        open.withLock { _ = $0.remove(folder) }
    }
}
