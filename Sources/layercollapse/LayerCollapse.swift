import ArgumentParser
import JobContract
import Pipeline
import Service

/// The program and its commands.
@main
struct LayerCollapse: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layercollapse",
        abstract: "Makes trained neural networks smaller by collapsing their layers: ONNX in, ONNX out.",
        version: Version.number,
        subcommands: [
            Compress.self, CheckCommand.self, Inspect.self, Run.self, Train.self, Serve.self, Config.self,
            Healthcheck.self,
        ])

    /// Runs the command on the main thread: its stack is the largest, and OpenMP must be called from one thread.
    @MainActor
    static func main() async {
        do {
            var command = try parseAsRoot()
            try Processor.check()
            LibraryEnvironment.complete()
            try ChildGuard.confine()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Problem {
            Terminal.fail(failure)
        } catch let error as OptionError {
            Terminal.fail(Problem(error))
        } catch let error as ConfigurationError {
            Terminal.fail("\(error)", status: .usage)
        } catch {
            end(error)
        }
    }

    /// Ends the program for what the parser throws: a request for help or the version, a usage error, or an exit
    /// status.
    private static func end(_ error: any Error) -> Never {
        let message = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            // Help, the version or a shell script: nothing in it comes from outside.
            Terminal.printDocument(message)
            Terminal.exit(.done)
        case .validationFailure: Terminal.fail(message, status: .usage)
        case let code where error is ExitCode: Terminal.exit(code.rawValue)
        default: Terminal.fail("\(error)", status: .failed)
        }
    }
}
