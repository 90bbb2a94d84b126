import Foundation
import JobContract
import Pipeline

/// The path of a file to read. The readers follow no symbolic links, so that none in a job folder leads out of it; a
/// user's own link is resolved here.
enum InputPath {
    static func resolved(_ path: String) -> String {
        guard (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil else { return path }
        return URL(filePath: path).resolvingSymlinksInPath().path
    }
}
