import Foundation
import Service

/// What the program says at its end, and the statuses that it ends with.
enum Terminal {
    enum Status: Int32 {
        case done = 0
        case failed = 1
        case usage = 2
    }

    /// One line on standard output, at once: whoever reads a pipe waits for it.
    static func printLine(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    static func warn(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func fail(_ failure: Failure) -> Never {
        warn("error: \(failure)")
        // What the message sums up, one a line.
        for detail in failure.details.map(\.detail) where !failure.message.contains(detail) { warn("  " + detail) }
        exit(failure.exitStatus)
    }

    static func fail(_ message: String, status: Status) -> Never {
        warn(message.hasPrefix("Error:") ? message : "error: " + message)
        exit(status)
    }

    static func exit(_ status: Status) -> Never { exit(status.rawValue) }

    /// Nothing half written stays behind.
    static func exit(_ status: Int32) -> Never {
        Publication.abandonAll()
        Foundation.exit(status)
    }
}
