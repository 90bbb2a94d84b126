import ArgumentParser
import Logging
import Service

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes models over HTTP, works on them and gives them back.",
        discussion: "Every setting has a name in the environment too: see layercollapse config show.")

    @OptionGroup var flags: ConfigurationFlags

    func run() async throws {
        let configuration = try await flags.load()
        LoggingSystem.bootstrap { _ in JSONLogHandler(level: configuration.logLevel) }
        do {
            try await Application.serve(configuration, logger: Logger(label: "layercollapse"))
        } catch {
            throw Failure(.internalError, "the service cannot start: \(error)")
        }
    }
}
