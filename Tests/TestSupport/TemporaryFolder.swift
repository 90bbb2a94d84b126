import Foundation

/// A folder for one test, removed with its owner.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = NSTemporaryDirectory() + "layercollapse-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // A database that is just being closed removes files of its own, and what is gone ends the removal of the rest.
        for _ in 0..<10 where FileManager.default.fileExists(atPath: path) {
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// The path of a file in the folder.
    package func file(_ name: String) -> String { path + "/" + name }

    /// The text of a file in the folder; nil without one.
    package func text(_ name: String) -> String? { try? String(contentsOfFile: file(name), encoding: .utf8) }
}
