import ArgumentParser

/// The flags that choose which layers are collapsed, how, and how far.
struct MethodFlags: OptionFlags {
    @Option(help: .option("method")) var method: String?
    @Option(help: .option("finetune")) var finetune: String?
    @Option(help: .option("train")) var train: String?
    @Option(help: .option("max_metric_drop")) var maxMetricDrop: String?
    @Option(help: .option("max_class_drop")) var maxClassDrop: String?
    @Option(help: .option("max_disagreement")) var maxDisagreement: String?
    @Option(help: .option("max_divergence")) var maxDivergence: String?
    @Option(help: .option("max_variance_lost")) var maxVarianceLost: String?
    @Option(help: .option("compression_ratio")) var compressionRatio: String?
    @Option(help: .option("max_parameters")) var maxParameters: String?
    @Option(help: .option("max_macs")) var maxMacs: String?
    @Option(help: .option("max_bytes")) var maxBytes: String?
    @Option(help: .option("max_latency_ms")) var maxLatencyMs: String?
    @Option(help: .option("max_layers")) var maxLayers: String?
    @Option(help: .option("replacements")) var replacements: [String] = []
    @Option(help: .option("quantize")) var quantize: String?
    @Option(help: .option("include")) var include: [String] = []
    @Option(help: .option("exclude")) var exclude: [String] = []
    @Option(help: .option("order")) var order: String?
    @Option(help: .option("penalty")) var penalty: String?
    @Option(help: .option("threshold")) var threshold: String?
    @Option(help: .option("calibration_samples")) var calibrationSamples: String?
}
