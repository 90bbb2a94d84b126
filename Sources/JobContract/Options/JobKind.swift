/// The work of a job: the compression of a model, or the check of one file against another.
package enum JobKind: String, Hashable, Sendable, CaseIterable {
    case compression, check

    /// The options that such a job takes, in the order of ``JobOption/all``.
    package var options: [JobOption] { JobOption.all.filter { takes($0.name) } }

    private func takes(_ name: String) -> Bool {
        switch self {
        case .compression: name != Self.maxSlowdown
        case .check: Self.ofChecks.contains(name)
        }
    }

    private static let maxSlowdown = "max_slowdown"

    private static let ofChecks: Set<String> = [
        "max_metric_drop", "max_class_drop", "max_disagreement", "max_divergence", "max_variance_lost", maxSlowdown,
        "batch_size", "task", "class_axis", "labels", "outputs", "inputs", "threads", "deadline_seconds", "metadata",
    ]
}
