import ArgumentParser
import JobContract
import Pipeline
import Service

struct Healthcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks the service on this machine whether it is ready.",
        discussion: "Example: layercollapse healthcheck --port 8080")

    @OptionGroup var flags: ConfigurationFlags

    func run() async throws {
        let configuration = try await flags.load()
        let address = "\(configuration.host):\(configuration.port)"
        guard Application.healthcheck(configuration) else {
            throw Problem(.internalError, "the service at \(address) is not ready")
        }
        Terminal.printLine("the service at \(address) is ready")
    }
}
