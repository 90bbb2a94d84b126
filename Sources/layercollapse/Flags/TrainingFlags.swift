import ArgumentParser
import Pipeline

/// The training flags, shared by `compress` and `train`.
struct TrainingFlags: OptionFlags {
    @Option(help: .option("epochs")) var epochs: String?
    @Option(help: .option("steps")) var steps: String?
    @Option(help: .option("batch_size")) var batchSize: String?
    @Option(help: .option("learning_rate")) var learningRate: String?
    @Option(help: .option("optimizer")) var optimizer: String?
    @Option(help: .option("momentum")) var momentum: String?
    @Option(help: .option("weight_decay")) var weightDecay: String?
    @Flag(inversion: .prefixedNo, help: .option("shuffle")) var shuffle = true
    @Option(help: .option("loss")) var loss: String?
    @Option(help: .option("task")) var task: String?
    @Option(help: .option("class_axis")) var classAxis: String?
    @Option(help: .option("labels")) var labels: String?
    @Option(help: .option("outputs")) var outputs: [String] = []
    @Option(help: .option("inputs")) var inputs: [String] = []
    @Option(help: .option("seed")) var seed: String?
    @Option(help: .option("threads")) var threads: String?
}
