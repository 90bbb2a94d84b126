import ByteText
import Foundation
import JobContract
import Pipeline
import Service

/// What the program says, and the statuses that it ends with. Names from a file do not steer the terminal: what would is
/// shown as its code.
enum Terminal {
    enum Status: Int32 {
        case done = 0
        case failed = 1
        case usage = 2
    }

    /// One line on standard output, at once: whoever reads a pipe waits for it.
    static func printLine(_ line: String) { write(line.visible, to: .standardOutput) }

    /// Several lines: whoever wrote them has seen to it that no name from a file ends one.
    static func printLines(_ text: String) { write(visibleLines(text), to: .standardOutput) }

    /// What programs read, such as JSON, byte for byte.
    static func printDocument(_ text: String) { write(text, to: .standardOutput) }

    /// One line on standard error.
    static func warn(_ line: String) { write(line.visible, to: .standardError) }

    private static func write(_ text: String, to file: FileHandle) { file.write(Data((text + "\n").utf8)) }

    private static func visibleLines(_ text: String) -> String {
        text.splitBytes(at: UInt8(ascii: "\n"), keepsEmpty: true).map(\.visible).joined(separator: "\n")
    }

    static func fail(_ failure: Problem) -> Never {
        warn("error: \(failure)")
        // What the message sums up, one a line.
        for detail in failure.details.map(\.detail) where !failure.detail.containsBytes(of: detail) {
            warn("  " + detail)
        }
        exit(failure.exitStatus)
    }

    /// - Parameters:
    ///   - message: may have several lines, such as those of how a command is used.
    ///   - status: what the program ends with.
    static func fail(_ message: String, status: Status) -> Never {
        let isWhole = message.startsWithBytes(of: "Error:")
        write(visibleLines(isWhole ? message : "error: " + message), to: .standardError)
        exit(status)
    }

    static func exit(_ status: Status) -> Never { exit(status.rawValue) }

    /// Nothing half written stays behind.
    static func exit(_ status: Int32) -> Never {
        AtomicOutput.abandonAll()
        Foundation.exit(status)
    }
}
