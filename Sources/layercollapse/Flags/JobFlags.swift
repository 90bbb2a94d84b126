import ArgumentParser
import JobContract
import Service

/// The flags of the job as a whole.
struct JobFlags: ParsableArguments {
    @Option(help: .option("deadline_seconds")) var deadlineSeconds: String?
    @Option(help: .option("metadata")) var metadata: String?
    @Option(help: .option("webhook")) var webhook: String?

    var given: JSONValue.Object {
        .given(["deadline_seconds": deadlineSeconds, "metadata": metadata, "webhook": webhook])
    }
}
