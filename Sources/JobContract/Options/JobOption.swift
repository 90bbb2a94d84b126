/// One option of a job: the same word as a JSON key, as a field of a form and, with dashes, as a flag.
package struct JobOption: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case word([String])
        case text
        case flag
        case count(minimum: Int)
        case number(Range<Double>, allowsAuto: Bool)
        /// A whole number, or `auto`.
        case autoCount(minimum: Int)
        /// A flag repeats, a JSON list or a text with commas names several.
        case texts
        /// An object of strings.
        case map
        /// An object of a few short strings, as OpenAI's `metadata` is.
        case labels
    }

    /// What labels may be: how many, and how many characters (Unicode scalars) in a name and in a value.
    package static let labelLimits = (count: 16, name: 64, value: 512)

    package let name: String
    package let kind: Kind
    /// What holds when the option is not given; `null` is none or automatic.
    package let standard: JSONValue
    package let meaning: String

    /// What a value has to be, in words.
    package var expectation: String {
        switch kind {
        case .word(let words): "one of " + words.joined(separator: " ")
        case .text: "a text"
        case .flag: "true or false"
        case .count(let minimum): "a whole number of at least \(minimum)"
        case .autoCount(let minimum): "a whole number of at least \(minimum), or auto"
        case .number(let range, let allowsAuto):
            "a number from \(range.lowerBound)"
                + (range.upperBound.isFinite ? " to below \(range.upperBound)" : "") + (allowsAuto ? ", or auto" : "")
        case .texts: "a list of texts"
        case .map: "an object of texts"
        case .labels:
            "an object of at most \(Self.labelLimits.count) texts, with names of at most \(Self.labelLimits.name) and "
                + "values of at most \(Self.labelLimits.value) characters"
        }
    }
}

extension JobOption {
    package static let methods = ["ridge", "layercollapse", "merge"]
    private static let anyNumber = 0..<Double.infinity
    private static let fraction = 0..<1.000001

    private static func auto(_ name: String, _ meaning: String, from minimum: Int = 1) -> JobOption {
        JobOption(name: name, kind: .autoCount(minimum: minimum), standard: nil, meaning: meaning)
    }

    private static func number(
        _ name: String, _ range: Range<Double>, _ meaning: String, standard: JSONValue = nil, auto: Bool = false
    ) -> JobOption {
        JobOption(name: name, kind: .number(range, allowsAuto: auto), standard: standard, meaning: meaning)
    }

    private static func word(_ name: String, _ words: [String], _ standard: JSONValue, _ meaning: String) -> JobOption {
        JobOption(name: name, kind: .word(words), standard: standard, meaning: meaning)
    }

    /// Every option there is, in the order in which they are explained and echoed.
    package static let all: [JobOption] = [
        word("method", methods, nil, "how layers are collapsed; ridge with data, merge without"),
        word(
            "finetune", ["none", "self_distill", "labels", "mix"], "self_distill",
            "what the training after it learns from"),
        word("train", ["collapsed", "after", "all"], "collapsed", "which layers that training changes"),
        number("max_metric_drop", fraction, "budget: the most the metric may drop, such as 0.01; needs labels"),
        number("max_disagreement", fraction, "budget: the most samples that may be answered differently"),
        number("compression_ratio", 1..<Double.infinity, "budget: parameters before / after to stop at"),
        JobOption(
            name: "max_layers", kind: .count(minimum: 1), standard: nil, meaning: "budget: the most layers to collapse"),
        JobOption(
            name: "include", kind: .texts, standard: [], meaning: "globs of module paths to collapse; all without"),
        JobOption(name: "exclude", kind: .texts, standard: [], meaning: "globs of module paths to leave alone"),
        word("order", ["measured", "from_end"], "measured", "which layers first"),
        number("penalty", anyNumber, "lambda of the pull of slopes towards one", auto: true),
        number("threshold", anyNumber, "how near to one a slope must be to merge", standard: 0.05),
        auto("epochs", "passes over the training data"),
        auto("steps", "training steps, in place of epochs", from: 0),
        auto("batch_size", "samples of a training step"),
        number("learning_rate", anyNumber, "step size of the training", auto: true),
        word("optimizer", ["adamw", "sgd", "auto"], nil, "how parameters follow their derivatives"),
        number("momentum", 0..<1, "momentum of sgd", auto: true),
        number("weight_decay", anyNumber, "pull of the parameters towards zero", auto: true),
        JobOption(
            name: "shuffle", kind: .flag, standard: true, meaning: "order of the samples by the seed; else the file's"),
        word(
            "loss", ["auto", "cross_entropy", "mse", "bce_with_logits", "causal_lm"], "auto",
            "what training makes small"),
        JobOption(name: "labels", kind: .text, standard: nil, meaning: "key of the labels in the data"),
        JobOption(
            name: "outputs", kind: .texts, standard: [],
            meaning: "outputs of the model that matter, the one that is measured first; the model's first without"),
        JobOption(name: "inputs", kind: .map, standard: nil, meaning: "key of the data for each input of the model"),
        JobOption(
            name: "calibration_samples", kind: .count(minimum: 1), standard: 1000,
            meaning: "samples that maps are fitted on"),
        JobOption(name: "seed", kind: .count(minimum: 0), standard: 0, meaning: "same seed, same threads: same bytes"),
        JobOption(name: "threads", kind: .count(minimum: 1), standard: nil, meaning: "threads; every core without"),
        JobOption(
            name: "deadline_seconds", kind: .count(minimum: 1), standard: nil, meaning: "the longest the job may run"),
        JobOption(name: "metadata", kind: .labels, standard: [:], meaning: "labels of your own, kept with the job"),
        JobOption(name: "webhook", kind: .text, standard: nil, meaning: "address that is told when the job ends"),
    ]

    package static func named(_ name: String) -> JobOption? { all.first { $0.name == name } }
}
