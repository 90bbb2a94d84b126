import ByteText
import Foundation
import JobContract
import Pipeline
import Service
import SystemCalls

/// Output to the terminal, and the exit statuses. Control characters in names from files are shown as codes.
enum Terminal {
    enum Status: Int32 {
        case done = 0
        case failed = 1
        case usage = 2
    }

    /// Prints one line to standard output, unbuffered, because the reader of a pipe waits for it.
    static func printLine(_ line: String) { write(line.visible, to: .standardOutput) }

    /// Prints several lines. The caller makes sure that no name from a file ends one.
    static func printLines(_ text: String) { write(visibleLines(text), to: .standardOutput) }

    /// Prints output for programs, such as JSON, byte for byte.
    static func printDocument(_ text: String) { write(text, to: .standardOutput) }

    /// Prints one line to standard error.
    static func warn(_ line: String) { write(line.visible, to: .standardError) }

    private static func write(_ text: String, to file: FileHandle) { file.write(Data((text + "\n").utf8)) }

    private static func visibleLines(_ text: String) -> String {
        text.splitBytes(at: UInt8(ascii: "\n"), keepsEmpty: true).map(\.visible).joined(separator: "\n")
    }

    static func fail(_ failure: Problem) -> Never {
        warn("error: \(failure)")
        // The details behind the message, one per line.
        for detail in failure.details.map(\.detail) where !failure.detail.containsBytes(of: detail) {
            warn("  " + detail)
        }
        exit(failure.exitStatus)
    }

    /// - Parameters:
    ///   - message: one or more lines, such as usage.
    ///   - status: exit status of the program.
    static func fail(_ message: String, status: Status) -> Never {
        let isWhole = message.startsWithBytes(of: "Error:")
        write(visibleLines(isWhole ? message : "error: " + message), to: .standardError)
        exit(status)
    }

    static func exit(_ status: Status) -> Never { exit(status.rawValue) }

    /// Exits after removing partial output.
    static func exit(_ status: Int32) -> Never {
        AtomicOutput.abandonAll()
        Foundation.exit(status)
    }
}
