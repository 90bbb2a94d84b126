import ArgumentParser

/// The flags of a check: its limits, and what both files are measured on.
struct CheckFlags: OptionFlags {
    @Option(help: .option("max_disagreement")) var maxDisagreement: String?
    @Option(help: .option("max_divergence")) var maxDivergence: String?
    @Option(help: .option("max_variance_lost")) var maxVarianceLost: String?
    @Option(help: .option("max_metric_drop")) var maxMetricDrop: String?
    @Option(help: .option("max_class_drop")) var maxClassDrop: String?
    @Option(help: .option("max_slowdown")) var maxSlowdown: String?
    @Option(help: .option("task")) var task: String?
    @Option(help: .option("class_axis")) var classAxis: String?
    @Option(help: .option("labels")) var labels: String?
    @Option(help: .option("outputs")) var outputs: [String] = []
    @Option(help: .option("inputs")) var inputs: [String] = []
    @Option(help: .option("batch_size")) var batchSize: String?
    @Option(help: .option("threads")) var threads: String?
    @Option(help: .option("deadline_seconds")) var deadlineSeconds: String?
    @Option(help: .option("metadata")) var metadata: [String] = []
}
