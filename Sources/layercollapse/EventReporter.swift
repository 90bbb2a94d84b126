import JobContract
import Pipeline
import Service

/// A class, because what it shows depends on what it showed before. Tells whoever started the program what happens: the
/// service by JSON lines on standard output, a person by bars on standard error.
final class EventReporter {
    private let printer: ProgressPrinter?

    init(printsEvents: Bool, isQuiet: Bool) {
        printer = printsEvents ? nil : ProgressPrinter(isQuiet: isQuiet)
    }

    func tell(_ event: WorkEvent) {
        if let printer {
            printer.show(event)
        } else {
            Terminal.printDocument(event.line)
        }
    }

    /// The last line says it all.
    func end(_ summary: String, _ result: JSONValue = nil) {
        if let printer {
            printer.finish()
            Terminal.printLine(summary)
        } else {
            Terminal.printDocument(WorkEvent(.done, summary, data: result).line)
        }
    }

    /// - Returns: the failure, for whoever ends the program.
    func told(_ failure: Problem) -> Problem {
        if let printer {
            printer.finish()
        } else {
            Terminal.printDocument(
                WorkEvent(.error, failure.detail, data: failure.failureDocument, level: "error").line)
        }
        return failure
    }
}
