import ArgumentParser
import JobContract
import Pipeline
import Service

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what could be collapsed in a model, or what is in a data file.",
        discussion: "Example: layercollapse inspect model.onnx --data data.npz")

    @Argument(help: "an ONNX file, or data", completion: .file())
    var model: String

    @Option(help: "samples that would be used: .npz, .npy, .csv or .safetensors", completion: .file())
    var data: String?

    @Flag(help: "print the plan as JSON")
    var json = false

    func run() throws {
        do {
            let inspection = try Inspection(InputPath.resolved(model), data: data.map(InputPath.resolved))
            if json {
                Terminal.printDocument(inspection.document.text(indented: true))
            } else {
                Terminal.printLines(inspection.table)
            }
        } catch {
            let failure = Problem(any: error)
            if json { Terminal.printDocument((["error": failure.failureDocument] as JSONValue).text()) }
            throw failure
        }
    }
}
