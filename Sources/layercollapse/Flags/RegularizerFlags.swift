import ArgumentParser
import Pipeline

/// The flags of a training that is regularized.
struct RegularizerFlags: OptionFlags {
    @Option(help: .option("penalty")) var penalty: String?
    @Option(help: .option("include")) var include: [String] = []
    @Option(help: .option("exclude")) var exclude: [String] = []
}
