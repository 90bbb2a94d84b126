import Foundation
import JobContract
import Pipeline

/// The path of a file to read. The readers follow no link, so that nothing in a job's folder leads out of it; a user's own
/// link is followed here.
enum InputPath {
    static func resolved(_ path: String) -> String {
        guard (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil else { return path }
        return URL(filePath: path).resolvingSymlinksInPath().path
    }
}
