// Support for the tests of all targets: a folder for one test.

import Foundation

/// A temporary folder. A class because it removes the folder when it is freed.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = NSTemporaryDirectory() + "layercollapse-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // Repeated, because a file that a closing database removes meanwhile ends the removal.
        for _ in 0..<10 where FileManager.default.fileExists(atPath: path) {
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// The path of a file in the folder.
    package func file(_ name: String) -> String { path + "/" + name }

    /// The text of a file in the folder; nil without one.
    package func text(_ name: String) -> String? { try? String(contentsOfFile: file(name), encoding: .utf8) }
}
