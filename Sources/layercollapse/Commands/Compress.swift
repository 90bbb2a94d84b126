import ArgumentParser
import ByteText
import JobContract
import Options
import Pipeline
import Service

struct Compress: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Collapses the layers of a model and proves what it cost.",
        discussion: """
            In place of a model it takes the folder of a job, as the service lays it out. No labels are needed.

            Example: layercollapse compress model.onnx --data data.npz --max-disagreement 0.01 -o small.onnx --report report.html
            """)

    @Argument(help: "an ONNX file, or the folder of a job", completion: .file())
    var model: String

    @Option(help: "samples: .npz, .npy, .csv or .safetensors", completion: .file())
    var data: String?

    @Option(help: "samples that only serve measuring", completion: .file())
    var validationData: String?

    @Option(name: .shortAndLong, help: "where the smaller model is to be written", completion: .file())
    var output: String?

    @Option(help: "where a report is to be written: FILE.json, .md or .html; repeats", completion: .file())
    var report: [String] = []

    @Option(help: "folder for every point of the front, each as a model, with front.json", completion: .directory)
    var front: String?

    @Option(help: .hidden)
    var attempt: String?

    @Option(help: .hidden)
    var secondsLeft: Int?

    @Option(help: .hidden)
    var pointsBytes: Int?

    @Flag(help: "print every event as a JSON line")
    var events = false

    @Flag(help: "replace an existing file")
    var force = false

    @Flag(help: "show no progress")
    var quiet = false

    @OptionGroup(title: "Method") var method: MethodFlags
    @OptionGroup(title: "Training") var training: TrainingFlags
    @OptionGroup(title: "Job") var job: JobFlags

    func run() throws {
        let isJob = JobFolder.isJob(model)
        let reporter = EventReporter(printsEvents: isJob || events, isQuiet: quiet)
        // A job that has reported its end is never resumed.
        let folder = JobFolder(model, attempt: attempt)
        defer { if isJob { folder.removeCheckpoints() } }
        let work = GuardedWork(isJob: isJob, reporter: reporter)
        try work.reporting {
            var order = try isJob ? CompressionOrder(folder) : order()
            order.pointsLimitBytes = pointsBytes
            EndRequest.listen()
            let seconds = secondsLeft ?? order.options.deadlineSeconds
            let ending = EndRequest(deadline: seconds.map { .now + .seconds($0) })
            try work.run(order.options, threads: order.threads, memoryLimitBytes: order.memoryLimitBytes) {
                let result = try Compression.run(order, ending: ending, emit: reporter.emit)
                reporter.end(result.summary, result.document)
                // A job has succeeded with what it found; at the terminal a script should notice.
                if !isJob, !result.metBudget { throw ExitCode(4) }
            }
        }
    }

    private func order() throws -> CompressionOrder {
        guard let output else { throw Problem(.missingField, "-o says where the smaller model is to be written") }
        try report.requireEndings([".json", ".md", ".html"])
        var given = method.given
        for (name, value) in training.given.members + job.given.members { given[name] = value }
        return CompressionOrder(
            model: InputPath.resolved(model), data: data.map(InputPath.resolved),
            validationData: validationData.map(InputPath.resolved), options: try JobOptions(decoding: given),
            output: try OutputPath.checked(
                output, inputs: [model, data, validationData].compactMap(\.self), force: force), reports: report,
            front: try front.map { try OutputPath.checkedFolder($0, force: force) })
    }
}
