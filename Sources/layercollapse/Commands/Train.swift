import ArgumentParser
import JobContract
import Options
import Pipeline
import Service

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains every parameter of a model by labels: the control of every comparison.",
        discussion: """
            With --regularize layercollapse each block between two linear layers gets a slope that is pulled to 1 during the
            training; compress --method merge merges those that arrive, without data.

            Example: layercollapse train model.onnx --data data.npz --steps 300 -o trained.onnx
            """)

    @Argument(help: "an ONNX file", completion: .file())
    var model: String

    @Option(help: "samples with labels: .npz, .npy, .csv or .safetensors", completion: .file())
    var data: String

    @Option(name: .shortAndLong, help: "where the trained model is to be written", completion: .file())
    var output: String

    @Option(help: "pull that prepares for a compression: layercollapse", completion: .list(["layercollapse"]))
    var regularize: String?

    @Option(help: "where to write the loss before each step, and the slopes after it: FILE.json", completion: .file())
    var trace: String?

    @Option(help: "where to write the loss on training samples and on held-out ones: FILE.json", completion: .file())
    var report: String?

    @Option(help: "where to write how fast it went: FILE.json", completion: .file())
    var timing: String?

    @Flag(help: "replace an existing file")
    var force = false

    @Flag(help: "show no progress")
    var quiet = false

    @OptionGroup(title: "Regularizer") var regularizer: RegularizerFlags
    @OptionGroup(title: "Training") var training: TrainingFlags

    func run() throws {
        if regularize == nil, let flag = regularizer.given.members.first {
            throw Problem(
                .invalidOption, "\(flag.name) says how slopes are pulled, and nothing pulls them",
                hint: "add --regularize layercollapse", pointer: "/" + flag.name)
        }
        var given = regularizer.given
        for (name, value) in training.given.members { given[name] = value }
        let options = try JobOptions(decoding: given)
        let interruption = Interruption()
        defer { withExtendedLifetime(interruption) {} }
        let reporter = EventReporter(printsEvents: false, isQuiet: quiet)
        var run = TrainingRun(
            model: InputPath.resolved(model), data: InputPath.resolved(data),
            output: try OutputPath.checked(output, inputs: [model, data], force: force), trace: trace,
            timing: timing, options: options)
        run.report = report
        run.regularizer = try regularize.map(Regularizer.init(named:))
        do { reporter.end(try run.run(emit: reporter.emit)) } catch { throw reporter.reported(error) }
    }
}
