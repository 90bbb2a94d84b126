import ArgumentParser
import ByteText
import JobContract
import Options
import Pipeline
import Service

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks that one model may take the place of another: a gate for CI.",
        discussion: """
            It measures two ONNX files of any tool on the same samples, the test split where the data have one, and holds \
            the upper bounds with 95 % confidence to the limits. Without a limit on quality each output has that of its kind: \
            2 % of disagreement for classes. Exit status: 0 within every limit, 5 when one does not hold, 3 for files that \
            cannot be compared.

            Example: layercollapse check model.onnx model-int8.onnx --data data.npz --max-disagreement 0.01 --report check.xml
            """)

    @Argument(help: "the ONNX file in use, or the folder of a job", completion: .file())
    var old: String

    @Argument(help: "the ONNX file that is to take its place", completion: .file())
    var new: String?

    @Option(help: "samples: .npz, .npy, .csv or .safetensors", completion: .file())
    var data: String?

    @Option(
        help: "where a report is to be written: FILE.json, .xml (JUnit), .md or .html; repeats", completion: .file())
    var report: [String] = []

    @Option(help: .hidden)
    var attempt: String?

    @Flag(help: "print the report as JSON")
    var json = false

    @Flag(help: "show no progress")
    var quiet = false

    @OptionGroup(title: "Limits") var limits: CheckFlags

    func run() throws {
        let isJob = JobFolder.isJob(old)
        let reporter = EventReporter(printsEvents: isJob, isQuiet: quiet || json)
        let work = GuardedWork(isJob: isJob, reporter: reporter)
        try work.reporting {
            let order = try isJob ? CheckOrder(JobFolder(old, attempt: attempt)) : order()
            try work.run(order.options, threads: order.threads, memoryLimitBytes: order.memoryLimitBytes) {
                let result = try Check.run(order, emit: reporter.emit)
                if json {
                    Terminal.printDocument(result.report.text(indented: true))
                } else {
                    reporter.end(result.summary, result.document)
                }
                // A job has succeeded with what it found; at the terminal a script should notice.
                if !isJob, !result.holds { throw ExitCode(5) }
            }
        }
    }

    private func order() throws -> CheckOrder {
        guard let new else { throw Problem(.missingField, "a check takes two models, OLD and NEW") }
        guard let data else { throw Problem(.missingField, "--data says which samples both models are to run") }
        try report.requireEndings([".json", ".xml", ".md", ".html"])
        return CheckOrder(
            old: InputPath.resolved(old), new: InputPath.resolved(new), data: InputPath.resolved(data),
            options: try JobOptions(decoding: limits.given, for: .check), reports: report)
    }
}
