package import Options

/// The numbers that an option may be.
package struct NumberRange: Hashable, Sendable {
    private let lower: Double
    private let upper: Double
    private let hasUpper: Bool

    /// From a number on, without end or up to another one, which is among them.
    init(from lower: Double, to upper: Double = .infinity) {
        (self.lower, self.upper, hasUpper) = (lower, upper, upper.isFinite)
    }

    /// From a number up to another one, which is not among them.
    init(from lower: Double, below upper: Double) { (self.lower, self.upper, hasUpper) = (lower, upper, false) }

    func contains(_ number: Double) -> Bool { number >= lower && (hasUpper ? number <= upper : number < upper) }

    /// The range in words, such as `from 0 to 1`.
    var words: String {
        func text(_ number: Double) -> String { Int(exactly: number).map { String($0) } ?? "\(number)" }
        guard upper.isFinite else { return "of at least \(text(lower))" }
        return "from \(text(lower)) \(hasUpper ? "to" : "to below") \(text(upper))"
    }
}

/// An option of a job: the same word as a JSON key, as a field of a form and, with dashes, as a flag.
///
/// A row has the option's name, the form of a value, its default, its meaning, and its place in ``JobOptions``. Flags,
/// fields, the echo of a plan and of a report, and the page docs/api.md are made of the rows.
package struct JobOption: Sendable {
    package enum Kind: Hashable, Sendable {
        case word([String])
        case text
        case flag
        case count(minimum: Int)
        case number(NumberRange, allowsAuto: Bool)
        /// A whole number of at least 1, or a text such as `20MB` or `1.5GiB`.
        case byteCount
        /// A whole number, or `auto`.
        case autoCount(minimum: Int)
        /// A list: a flag repeats, a JSON list or a text with commas names several.
        case texts
        /// A list of some of these words.
        case words([String])
        /// An object of strings.
        case map
        /// An object of a few short strings, as OpenAI's `metadata` is.
        case labels
    }

    /// The limits of labels: how many, and how many characters (Unicode scalars) in a name and in a value.
    package static let labelLimits = (count: 16, name: 64, value: 512)

    package let name: String
    package let kind: Kind
    package let meaning: String
    /// The value of the option; `null` is none or automatic.
    let read: @Sendable (JobOptions) -> JSONValue
    /// Sets the option to a value that ``decode(_:)`` has converted.
    let write: @Sendable (inout JobOptions, JSONValue) -> Void

    /// The value that holds when the option is not given.
    package var defaultValue: JSONValue { read(JobOptions()) }

    /// The form of a value, in words.
    package var expectation: String {
        switch kind {
        case .word(let words): "one of " + words.joined(separator: " ")
        case .text: "a text"
        case .flag: "true or false"
        case .count(let minimum): "a whole number of at least \(minimum)"
        case .byteCount: "a number of bytes of at least 1, such as 20MB or 1.5GiB"
        case .autoCount(let minimum): "a whole number of at least \(minimum), or auto"
        case .number(let range, let allowsAuto):
            "a number \(range.words)" + (allowsAuto ? ", or auto" : "")
        case .texts: "a list of texts"
        case .words(let words): "auto, or a list of some of " + words.joined(separator: " ")
        case .map: "an object of texts"
        case .labels:
            "an object of at most \(Self.labelLimits.count) texts, with names of at most \(Self.labelLimits.name) and "
                + "values of at most \(Self.labelLimits.value) characters"
        }
    }

    package static func named(_ name: String) -> JobOption? { all.first { $0.name == name } }
}

extension JobOption {
    private static let anyNumber = NumberRange(from: 0)
    private static let fraction = NumberRange(from: 0, to: 1)

    /// Every option there is, in the order in which they are explained and echoed.
    package static let all: [JobOption] = [
        word("method", \.method, "method of collapsing layers; ridge with data, merge without"),
        word("finetune", \.finetune, "source of the targets of the training that follows"),
        word(
            "train", \.train, or: ["auto"],
            "layers that the training changes; by default all with method=layercollapse, else the collapsed ones"),
        number(
            "max_metric_drop", \.maxMetricDrop, fraction,
            "budget: maximum drop of the metric, such as 0.01; needs labels"),
        number(
            "max_class_drop", \.maxClassDrop, fraction,
            "budget: maximum drop of the recall of any class on the deciding samples, such as 0.1; needs labels"),
        number(
            "max_disagreement", \.maxDisagreement, fraction,
            "budget: maximum fraction of answers (classes, tags, pixels, tokens) that may change, such as 0.01"),
        number(
            "max_divergence", \.maxDivergence, anyNumber,
            "budget: maximum mean KL from the original's answers in nats, such as 0.02 a token; language models"),
        number(
            "max_variance_lost", \.maxVarianceLost, fraction,
            "budget: maximum fraction of an output's variance that may be lost; regressions and embeddings"),
        number(
            "max_slowdown", \.maxSlowdown, anyNumber,
            "budget of a check: maximum latency of the new file as a multiple of the old one's, such as 1.1"),
        number(
            "compression_ratio", \.compressionRatio, NumberRange(from: 1),
            "budget: parameters before / after to stop at"
        ),
        count("max_parameters", \.maxParameters, from: 1, "budget: maximum number of parameters"),
        count("max_macs", \.maxMacs, from: 1, "budget: maximum number of multiply-adds of one sample"),
        JobOption(
            name: "max_bytes", kind: .byteCount, meaning: "budget: maximum size of the file, such as 20MB",
            read: { $0.maxBytes.map(JSONValue.int) ?? .null }, write: { $0.maxBytes = $1.int }),
        number(
            "max_latency_ms", \.maxLatencyMs, NumberRange(from: 0),
            "budget: maximum median time of a run at the job's batch_size, on this machine in the service's own runtime"
        ),
        count("max_layers", \.maxLayers, from: 1, "budget: maximum number of layers to collapse"),
        words(
            "replacements", \.replacements, JobOptions.replacementKinds,
            "kinds of replacement that may be used; all without"),
        word(
            "quantize", \.quantize,
            "weights of the written file: floats, int8, or int8 where it is smaller and within the budget (auto)"),
        texts("include", \.include, "globs of module paths to collapse; all without"),
        texts("exclude", \.exclude, "globs of module paths to leave alone"),
        word("order", \.order, "order in which layers are tried"),
        number("penalty", \.penalty, anyNumber, auto: true, "strength of the pull of slopes towards one (lambda)"),
        number("threshold", \.threshold, anyNumber, "largest distance of a slope from one at which its layer merges"),
        autoCount("epochs", \.epochs, "passes over the training samples"),
        autoCount("steps", \.steps, from: 0, "training steps, in place of epochs"),
        autoCount("batch_size", \.batchSize, "samples of a training step, or of a run of a check"),
        number("learning_rate", \.learningRate, anyNumber, auto: true, "step size of the training"),
        word("optimizer", \.optimizer, or: ["auto"], "optimizer of the training"),
        number("momentum", \.momentum, NumberRange(from: 0, below: 1), auto: true, "momentum of sgd"),
        number("weight_decay", \.weightDecay, anyNumber, auto: true, "weight decay"),
        flag("shuffle", \.shuffle, "shuffle the samples by the seed; otherwise the order of the file"),
        word("loss", \.loss, "loss of the training"),
        word("task", \.task, "task of the output, by which it is measured; by default a guess that is told"),
        count(
            "class_axis", \.classAxis, from: 1, "axis of the output along which its classes lie; axis 0 is the samples"),
        text("labels", \.labels, "key of the labels in the data"),
        texts(
            "outputs", \.outputs,
            "outputs of the model that are measured, the one that labels fit first; by default its first output"),
        JobOption(
            name: "inputs", kind: .map, meaning: "key of the data for each input of the model",
            read: { $0.inputs.map(JSONValue.init) ?? .null }, write: { $0.inputs = NamedTexts($1) }),
        count(
            "calibration_samples", \.calibrationSamples, from: 1,
            "calibration samples, on which replacements are fitted"),
        JobOption(
            name: "seed", kind: .count(minimum: 0), meaning: "the same seed and the same threads give the same bytes",
            read: { .int(Int(clamping: $0.seed)) }, write: { $0.seed = UInt64(clamping: $1.int ?? 0) }),
        count("threads", \.threads, from: 1, "threads; every core without"),
        count(
            "deadline_seconds", \.deadlineSeconds, from: 1,
            "maximum running time of the job; the search of a compression ends in time, with its best point"),
        JobOption(
            name: "metadata", kind: .labels, meaning: "labels of your own, kept with the job",
            read: { JSONValue($0.metadata) }, write: { $0.metadata = NamedTexts($1) ?? NamedTexts() }),
        text("webhook", \.webhook, "address to call when the job ends; not supported by this version"),
    ]
}

// MARK: Rows by the type of their place

extension JobOption {
    private typealias Place<Value> = WritableKeyPath<JobOptions, Value> & Sendable

    private static func row<Value>(
        _ name: String, _ place: any Place<Value>, _ kind: Kind, _ meaning: String,
        read: @escaping @Sendable (Value) -> JSONValue, write: @escaping @Sendable (JSONValue) -> Value?
    ) -> JobOption {
        JobOption(
            name: name, kind: kind, meaning: meaning, read: { read($0[keyPath: place]) },
            write: { options, json in if let value = write(json) { options[keyPath: place] = value } })
    }

    private static func word<Word: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ place: any Place<Word>, _ meaning: String
    ) -> JobOption {
        row(
            name, place, .word(Word.allCases.map(\.rawValue)), meaning, read: { .string($0.rawValue) },
            write: { $0.string.flatMap(Word.init) })
    }

    private static func word<Word: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ place: any Place<Word?>, or others: [String] = [], _ meaning: String
    ) -> JobOption {
        row(
            name, place, .word(Word.allCases.map(\.rawValue) + others), meaning, read: { JSONValue($0?.rawValue) },
            write: { .some($0.string.flatMap(Word.init)) })
    }

    private static func text(_ name: String, _ place: any Place<String?>, _ meaning: String) -> JobOption {
        row(name, place, .text, meaning, read: { JSONValue($0) }, write: { .some($0.string) })
    }

    private static func texts(_ name: String, _ place: any Place<[String]>, _ meaning: String) -> JobOption {
        row(
            name, place, .texts, meaning, read: { .array($0.map(JSONValue.string)) },
            write: { $0.array?.compactMap(\.string) })
    }

    private static func words(
        _ name: String, _ place: any Place<[String]>, _ words: [String], _ meaning: String
    ) -> JobOption {
        row(
            name, place, .words(words), meaning, read: { .array($0.map(JSONValue.string)) },
            write: { $0.array?.compactMap(\.string) })
    }

    private static func flag(_ name: String, _ place: any Place<Bool>, _ meaning: String) -> JobOption {
        row(name, place, .flag, meaning, read: { .bool($0) }, write: { $0.bool })
    }

    private static func count(
        _ name: String, _ place: any Place<Int>, from minimum: Int, _ meaning: String
    ) -> JobOption {
        row(name, place, .count(minimum: minimum), meaning, read: { .int($0) }, write: { $0.int })
    }

    private static func count(
        _ name: String, _ place: any Place<Int?>, from minimum: Int, _ meaning: String
    ) -> JobOption {
        row(name, place, .count(minimum: minimum), meaning, read: { JSONValue($0) }, write: { .some($0.int) })
    }

    private static func autoCount(
        _ name: String, _ place: any Place<Int?>, from minimum: Int = 1, _ meaning: String
    ) -> JobOption {
        row(name, place, .autoCount(minimum: minimum), meaning, read: { JSONValue($0) }, write: { .some($0.int) })
    }

    private static func number(
        _ name: String, _ place: any Place<Double>, _ range: NumberRange, _ meaning: String
    ) -> JobOption {
        row(
            name, place, .number(range, allowsAuto: false), meaning, read: { .double($0) }, write: { $0.double })
    }

    private static func number(
        _ name: String, _ place: any Place<Double?>, _ range: NumberRange, auto: Bool = false, _ meaning: String
    ) -> JobOption {
        row(
            name, place, .number(range, allowsAuto: auto), meaning, read: { JSONValue($0) },
            write: { .some($0.double) })
    }
}

extension JSONValue {
    package init(_ texts: NamedTexts) { self = .object(Object(texts.members.map { ($0.name, .string($0.value)) })) }
}

extension NamedTexts {
    /// Reads an object of texts; nil for anything else.
    package init?(_ json: JSONValue) {
        guard let object = json.object else { return nil }
        self.init(object.members.compactMap { member in member.value.string.map { (member.name, $0) } })
    }
}
