import ArgumentParser
import JobContract
import Options
import Pipeline
import Service

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fine-tunes every parameter of a model by labels: the control of every comparison.",
        discussion: "Example: layercollapse train model.onnx --data data.npz --steps 300 -o trained.onnx")

    @Argument(help: "an ONNX file", completion: .file())
    var model: String

    @Option(help: "samples with labels: .npz, .npy, .csv or .safetensors", completion: .file())
    var data: String

    @Option(name: .shortAndLong, help: "where the trained model is to be written", completion: .file())
    var output: String

    @Option(help: "where to write the loss before each step: FILE.json", completion: .file())
    var trace: String?

    @Option(help: "where to write how fast it went: FILE.json", completion: .file())
    var timing: String?

    @Flag(help: "replace an existing file")
    var force = false

    @Flag(help: "show no progress")
    var quiet = false

    @OptionGroup(title: "Training") var training: TrainingFlags

    func run() throws {
        let options = try JobOptions(decoding: training.given)
        let interruption = Interruption()
        defer { withExtendedLifetime(interruption) {} }
        let reporter = EventReporter(printsEvents: false, isQuiet: quiet)
        let run = TrainingRun(
            model: InputPath.resolved(model), data: InputPath.resolved(data),
            output: try OutputPath.checked(output, inputs: [model, data], force: force), trace: trace,
            timing: timing, options: options)
        do { reporter.end(try run.run(emit: reporter.emit)) } catch { throw reporter.reported(error) }
    }
}
