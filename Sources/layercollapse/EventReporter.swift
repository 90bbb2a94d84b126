import JobContract
import Pipeline
import Service

/// Reports events to the server as JSON lines on standard output, or to a person as bars on standard error. A class
/// because its printer remembers what it drew last.
final class EventReporter {
    private let printer: ProgressPrinter?

    init(printsEvents: Bool, isQuiet: Bool) { printer = printsEvents ? nil : ProgressPrinter(isQuiet: isQuiet) }

    func emit(_ event: WorkEvent) {
        if let printer {
            printer.show(event)
        } else {
            Terminal.printDocument(event.line)
        }
    }

    /// Reports the result as the last line, behind a drawing of the front on a terminal.
    func end(_ summary: String, _ result: JSONValue = nil) {
        if let printer {
            printer.finish()
            printer.show(frontOf: result)
            Terminal.printLine(summary)
        } else {
            Terminal.printDocument(WorkEvent(.done, summary, data: result).line)
        }
    }

    /// Reports a failure.
    ///
    /// - Returns: the failure, to end the program with.
    func reported(_ failure: Problem) -> Problem {
        if let printer {
            printer.finish()
        } else {
            Terminal.printDocument(
                WorkEvent(.error, failure.detail, data: failure.failureDocument, level: "error").line)
        }
        return failure
    }
}
