import ArgumentParser
import JobContract
import Logging
import Pipeline
import Service

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes models over HTTP, works on them and gives them back.",
        discussion: """
            Every setting has a name in the environment too: see layercollapse config show.

            Example: layercollapse serve --port 8080 --data-directory data
            """)

    @OptionGroup var flags: ConfigurationFlags

    func run() async throws {
        let configuration = try await flags.load()
        let writer = LogWriter()
        defer { writer.flush() }
        LoggingSystem.bootstrap { _ in JSONLogHandler(level: configuration.logLevel, writer: writer) }
        do {
            try await Application.serve(configuration, logger: Logger(label: "layercollapse"))
        } catch {
            throw Problem(.internalError, "the service cannot start: \(error)")
        }
    }
}
