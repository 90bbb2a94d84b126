import ArgumentParser
import JobContract
import Options
import Pipeline
import Service

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a model on samples and writes its outputs by name.",
        discussion: """
            Of a file with splits it runs the test split.

            Example: layercollapse run model.onnx --data data.npz -o outputs.npz
            """)

    @Argument(help: "an ONNX file", completion: .file())
    var model: String

    @Option(help: "samples: .npz, .npy, .csv or .safetensors", completion: .file())
    var data: String

    @Option(name: .shortAndLong, help: "where the outputs are to be written: FILE.npz", completion: .file())
    var output: String

    @Option(help: "samples a run, where the model leaves it open (default: 64)")
    var batchSize: String?

    @Option(help: .option("inputs")) var inputs: String?
    @Option(help: .option("threads")) var threads: String?

    @Option(help: "where to write how fast it went: FILE.json", completion: .file())
    var timing: String?

    @Option(help: "passes over the samples, for the timing")
    var `repeat` = 1

    @Flag(help: "replace an existing file")
    var force = false

    @Flag(help: "show no progress")
    var quiet = false

    func validate() throws {
        guard `repeat` >= 1 else {
            throw ValidationError("repeat is \(`repeat`); expected a whole number of at least 1")
        }
    }

    func run() throws {
        let options = try JobOptions(decoding: .given(["batch_size": batchSize, "threads": threads, "inputs": inputs]))
        let interruption = Interruption()
        defer { withExtendedLifetime(interruption) {} }
        let reporter = EventReporter(printsEvents: false, isQuiet: quiet)
        let run = InferenceRun(
            model: InputPath.resolved(model), data: InputPath.resolved(data),
            output: try OutputPath.checked(output, inputs: [model, data], force: force), timing: timing,
            batchSize: options.batchSize, passes: `repeat`,
            threads: options.threads, inputKeys: options.inputKeys)
        do { reporter.end(try run.run(emit: reporter.emit)) } catch { throw reporter.reported(error) }
    }
}
