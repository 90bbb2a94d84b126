import ArgumentParser
import Service

/// The flags of the job as a whole.
struct JobFlags: OptionFlags {
    @Option(help: .option("deadline_seconds")) var deadlineSeconds: String?
    @Option(help: .option("metadata")) var metadata: [String] = []
    @Option(help: .option("webhook")) var webhook: String?
}
