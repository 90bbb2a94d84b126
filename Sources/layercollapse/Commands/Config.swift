import ArgumentParser
import Pipeline
import Service

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The settings of the service.", discussion: "Example: layercollapse config show --port 9000",
        subcommands: [Show.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows every setting, its value and where it came from.")

        @OptionGroup var flags: ConfigurationFlags

        func run() async throws { Terminal.printLines(try await flags.load().table) }
    }
}
