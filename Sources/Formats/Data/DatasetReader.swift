import ByteText
package import Compute
package import Model

/// Reads the inputs, labels and splits of a model from a data file.
///
/// The rules are those of the API's section on data: exact input names first, then the default names; labels; splits by
/// prefix or suffix, else a fifth (500 where there are so many, at most 2,000) is held out by the seed.
package struct DatasetReader: Sendable {
    package struct Result: Sendable {
        package var training: Dataset
        /// The samples for measuring only: the file's own test split, or the part that was held out.
        package var validation: Dataset
        /// The key of each model input (and of `labels`).
        package var mapping: [String: String]
        package var notes: [String]
        package var classCount: Int?
        /// The output that the labels belong to; nil without labels.
        package var output: String?
        /// True when the validation samples are the file's own split.
        package var hasOwnSplit: Bool
    }

    /// A part of the data that keys may name.
    package enum Part: Sendable {
        case training, validation
        /// Keys that name no part.
        case unsplit

        /// The prefixes and suffixes of keys of the part.
        fileprivate var affixes: [String] {
            switch self {
            case .training: ["train", "training"]
            case .validation: ["test", "val", "valid", "validation"]
            case .unsplit: []
            }
        }
    }

    private static let inputNames = [
        "x", "X", "inputs", "input", "data", "images", "features", "pixel_values", "input_ids",
    ]
    static let labelNames = ["y", "Y", "labels", "label", "targets", "target"]

    package let arrays: [String: DataArray]
    /// The errors of arrays whose elements are no numbers, raised when they are asked for.
    private let unreadable: [String: FormatError]

    /// Reads the arrays of a file.
    ///
    /// - Throws: ``FormatError`` for a file that is neither `.npz`, `.npy`, `.safetensors` nor a table, or damaged.
    package init(_ path: String) throws(FormatError) {
        let file = try MappedFile(path)
        if Self.isZip(file) {
            let contents = try NPZ.read(file)
            (arrays, unreadable) = (contents.arrays, contents.unreadable)
        } else if Self.isArray(Self.start(of: file)) {
            (arrays, unreadable) = ([Self.inputNames[0]: try NPZ.readArray(file)], [:])
        } else if CSV.isTable(Self.start(of: file)) {
            (arrays, unreadable) = (try CSV.read(file, labels: Self.labelNames), [:])
        } else {
            (arrays, unreadable) = (try Safetensors.read(file), [:])
        }
        guard !arrays.isEmpty else {
            throw unreadable.min { $0.key < $1.key }?.value ?? .data("the data file holds no arrays")
        }
    }

    private static func start(of file: MappedFile) -> [UInt8] {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        return (0..<min(bytes.count, 512)).map { bytes[$0] }
    }

    private static func isArray(_ start: [UInt8]) -> Bool { start.starts(with: [0x93] + "NUMPY".utf8) }

    /// True when the first bytes of a file are those of a single array or of a table, which stand for the input of a
    /// model that has one.
    package static func isSingle(_ start: [UInt8]) -> Bool { isArray(start) || CSV.isTable(start) }

    private static func isZip(_ file: MappedFile) -> Bool {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        return bytes.count >= 4 && bytes[0] == 0x50 && bytes[1] == 0x4B
    }

    /// Reads the samples of a model.
    ///
    /// - Parameters:
    ///   - graph: the network, whose inputs define the keys, types and sizes.
    ///   - output: the name of the output that the labels belong to; the first by default.
    ///   - labelKey: the key of the labels, if the user names it.
    ///   - inputKeys: the keys that the user names, by model input.
    ///   - prefersClasses: whether one-hot labels are classes; false when the loss takes targets.
    ///   - classAxis: the axis of the output along which its classes lie; by default the last, or the second of an image.
    ///   - seed: selects the part that is held out.
    /// - Returns: training and validation samples.
    /// - Throws: ``FormatError`` with the key, what is wrong, and the remedy.
    package func read(
        for graph: Graph, output: String? = nil, labelKey: String? = nil, inputKeys: [String: String] = [:],
        prefersClasses: Bool = true, classAxis: Int? = nil, seed: UInt64 = 0
    ) throws(FormatError) -> Result {
        var reading = Reading(graph: graph, outputName: output, labelKey: labelKey, inputKeys: inputKeys)
        (reading.prefersClasses, reading.classAxis) = (prefersClasses, classAxis)
        reading.notes = unreadableNotes
        var whole = try split(.training, &reading)
        if whole == nil { whole = try split(.unsplit, &reading) }
        var validation = try split(.validation, &reading)
        if whole == nil { (whole, validation) = (validation, nil) }
        guard var samples = whole else { throw missingKeys(reading) }
        // A sample that the network may have been fitted on proves nothing of others.
        if let test = validation { validation = try withoutCopies(test, besides: samples, "test samples", &reading) }
        if validation == nil { samples = try withoutCopies(samples, "samples", &reading) ?? samples }
        var result: Result
        if let validation {
            result = Result(
                training: samples, validation: validation, mapping: reading.mapping, notes: reading.notes,
                hasOwnSplit: true)
        } else {
            result = try heldOut(samples, reading, seed: seed)
        }
        if result.training.labels?.type == .int64 { result.classCount = reading.classes }
        result.output = result.training.labels == nil ? nil : reading.outputName
        return result
    }

    private var unreadableNotes: [String] {
        unreadable.keys.sorted().map { "key '\($0)' is not used: its elements are no numbers" }
    }

    /// The samples that measure a network, when nothing is fitted to any.
    package struct Measuring: Sendable {
        /// The samples, each of them once.
        package var samples: Dataset
        /// The part of the file that they are: its test split, else all of a file without splits, else its training split.
        package var part: Part
        /// The key of each model input (and of `labels`).
        package var mapping: [String: String]
        package var notes: [String]
        /// The output that the labels belong to; nil without labels.
        package var output: String?
    }

    /// Reads the samples to measure a model on, with the parameters of
    /// ``read(for:output:labelKey:inputKeys:prefersClasses:classAxis:seed:)``.
    package func measuring(
        for graph: Graph, output: String? = nil, labelKey: String? = nil, inputKeys: [String: String] = [:],
        prefersClasses: Bool = true, classAxis: Int? = nil
    ) throws(FormatError) -> Measuring {
        var reading = Reading(graph: graph, outputName: output, labelKey: labelKey, inputKeys: inputKeys)
        (reading.prefersClasses, reading.classAxis) = (prefersClasses, classAxis)
        reading.notes = unreadableNotes
        for part in [Part.validation, .unsplit, .training] {
            guard let samples = try split(part, &reading) else { continue }
            // A sample that a network may have been trained on proves nothing of others.
            let known = part == .validation ? try split(.training, &reading) : nil
            guard let kept = try withoutCopies(samples, besides: known, "samples", &reading) else {
                throw .data("every test sample is a copy of a training sample")
            }
            return Measuring(
                samples: kept, part: part, mapping: reading.mapping, notes: reading.notes,
                output: kept.labels == nil ? nil : reading.outputName)
        }
        throw missingKeys(reading)
    }

    /// The samples of one part in file order, with none held out.
    ///
    /// - Parameters:
    ///   - part: the part to read.
    ///   - graph: the network, whose inputs define the keys, types and sizes.
    ///   - output: the name of the output that the labels belong to; the first by default.
    ///   - labelKey: the key of the labels, if the user names it.
    ///   - inputKeys: the keys that the user names, by model input.
    ///   - withLabels: true to look for labels.
    ///   - prefersClasses: whether one-hot labels are classes; false when the loss takes targets.
    ///   - classAxis: the axis of the output along which its classes lie; by default the last, or the second of an image.
    /// - Returns: nil when the file has no such part.
    /// - Throws: ``FormatError`` as ``read(for:output:labelKey:inputKeys:seed:)`` does.
    package func samples(
        _ part: Part, for graph: Graph, output: String? = nil, labelKey: String? = nil,
        inputKeys: [String: String] = [:], withLabels: Bool, prefersClasses: Bool = true, classAxis: Int? = nil
    ) throws(FormatError) -> Dataset? {
        var reading = Reading(
            graph: graph, outputName: output, labelKey: labelKey, inputKeys: inputKeys, withLabels: withLabels,
            prefersClasses: prefersClasses, classAxis: classAxis)
        return try split(part, &reading)
    }

    /// The numbers of inputs without axes: arrays of one element under their names.
    package func scalars(of inputs: [String], inputKeys: [String: String] = [:]) -> [String: Tensor] {
        var scalars: [String: Tensor] = [:]
        for input in inputs {
            let found = [Part.unsplit, .training, .validation].lazy.compactMap { find([inputKeys[input] ?? input], $0) }
                .first
            guard let tensor = found?.array.tensor, tensor.shape.elementCount == 1, tensor.shape.rank < 2 else {
                continue
            }
            scalars[input] = tensor.reshaped(.scalar)
        }
        return scalars
    }

    /// The state of one reading: the request, and what was found.
    struct Reading {
        let graph: Graph
        /// The output that the labels belong to; nil until labels fit one.
        var outputName: String?
        let labelKey: String?
        let inputKeys: [String: String]
        var withLabels = true
        /// True when one-hot labels are classes, and false when the loss takes targets.
        var prefersClasses = true
        /// The axis of the output along which its classes lie; by default the last, or the second of an image.
        var classAxis: Int?
        var mapping: [String: String] = [:]
        var notes: [String] = []

        /// The shapes of the outputs that labels may belong to.
        var candidates: [(name: String, shape: Shape)] {
            let measured = graph.measuredOutputs
            let named = measured.filter { $0.name == outputName }
            return (named.isEmpty ? measured : named).map { ($0.name, graph.shape($0.value)) }
        }
        /// The number of classes that the labels are of; nil until there are some.
        var classes: Int?
    }

    /// The samples that are no copies of others.
    ///
    /// - Returns: nil when none is left.
    private func withoutCopies(
        _ samples: Dataset, besides known: Dataset? = nil, _ what: String, _ reading: inout Reading
    ) throws(FormatError) -> Dataset? {
        let kept = samples.distinct(besides: known)
        guard kept.count < samples.count else { return samples }
        reading.notes.append(
            "\(samples.count - kept.count) of \(samples.count) \(what) are copies of others and do not count")
        guard !kept.isEmpty else { return nil }
        do { return try samples.samples(kept) } catch {
            throw .memory(byteCount: samples.inputs.values.reduce(0) { $0 + $1.byteCount })
        }
    }

    private func heldOut(_ samples: Dataset, _ reading: Reading, seed: UInt64) throws(FormatError) -> Result {
        guard samples.count >= 2 else {
            let copies = reading.notes.contains { $0.endsWithBytes(of: "do not count") }
            throw .data(
                copies
                    ? "all samples are copies of one: some are needed to fit on, and others to measure on"
                    : "one sample is not enough: some are needed to measure on")
        }
        var random = SeededRandom(seed: seed)
        let order = random.shuffled(count: samples.count)
        let held = Dataset.part(of: samples.count)
        do {
            return Result(
                training: try samples.samples(order.dropFirst(held).sorted()),
                validation: try samples.samples(order.prefix(held).sorted()), mapping: reading.mapping,
                notes: reading.notes + ["no test split: \(held) of \(samples.count) samples are held out"],
                hasOwnSplit: false)
        } catch {
            throw .memory(byteCount: samples.inputs.values.reduce(0) { $0 + $1.byteCount })
        }
    }

    // MARK: Keys

    func names(for input: String, isOnly: Bool, _ inputKeys: [String: String]) -> [String] {
        if let key = inputKeys[input] { return [key] }
        return [input] + (isOnly ? Self.inputNames : [])
    }

    func find(_ names: [String], _ part: Part) -> (key: String, array: DataArray)? {
        for key in Self.keys(names, part) {
            if let array = arrays[key] { return (key, array) }
        }
        return nil
    }

    /// The array of one of the names that is wanted.
    ///
    /// - Returns: nil when there is none.
    /// - Throws: ``FormatError`` when its elements are no numbers.
    private func wanted(
        _ names: [String], _ part: Part
    ) throws(FormatError) -> (key: String, array: DataArray)? {
        if let found = find(names, part) { return found }
        for key in Self.keys(names, part) {
            if let error = unreadable[key] { throw error }
        }
        return nil
    }

    private static func keys(_ names: [String], _ part: Part) -> [String] {
        names.flatMap { name in
            part.affixes.isEmpty ? [name] : part.affixes.flatMap { ["\(name)_\($0)", "\($0)_\(name)"] }
        }
    }

    private var keyList: String {
        let keys = arrays.keys.sorted()
        return keys.prefix(12).map { "'\($0)' \(arrays[$0]?.tensor.shape ?? .scalar)" }.joined(separator: ", ")
            + (keys.count > 12 ? " and \(keys.count - 12) more" : "")
    }

    private func missingKeys(_ reading: Reading) -> FormatError {
        let graph = reading.graph
        var hints: [String] = []
        for value in graph.inputs {
            let wanted = reading.inputKeys[graph[value].name] ?? graph[value].name
            let names = names(for: graph[value].name, isOnly: graph.inputs.count == 1, reading.inputKeys)
            let parts = [Part.training, .unsplit, .validation]
            guard !parts.contains(where: { find(names, $0) != nil }) else { continue }
            let nearest = Spelling.nearest(to: wanted, among: arrays.keys)
            hints.append("'\(wanted)' \(graph.shape(value)) is missing" + (nearest.map { " (nearest: '\($0)')" } ?? ""))
        }
        if hints.isEmpty { hints = ["no split has all inputs"] }
        return .key(
            "\(hints.joined(separator: ", ")); the data have \(keyList): name the keys after the inputs, or say inputs={..}"
        )
    }

    // MARK: Samples

    /// The samples of one part, or nil when it lacks an input.
    private func split(_ part: Part, _ reading: inout Reading) throws(FormatError) -> Dataset? {
        let graph = reading.graph
        var inputs: [String: Tensor] = [:]
        var count: Int?
        for value in graph.inputs {
            let name = graph[value].name
            let names = names(for: name, isOnly: graph.inputs.count == 1, reading.inputKeys)
            guard let (key, array) = try wanted(names, part) else { return nil }
            let tensor = try converted(array, to: value, in: graph, key: key, &reading.notes)
            try Self.checkIndices(tensor, into: graph.indexedSize(value), key: key)
            guard count == nil || count == tensor.shape[0] else {
                throw .shape("key '\(key)' has \(tensor.shape[0]) samples, the others have \(count ?? 0)")
            }
            (inputs[name], count) = (tensor, tensor.shape[0])
            if reading.mapping[name] == nil { reading.mapping[name] = key }
        }
        guard let count else { return nil }
        guard count > 0 else { throw .data("the data have no samples") }
        guard reading.withLabels else { return Dataset(inputs: inputs, count: count) }
        var labels: Tensor?
        if let (key, array) = try wanted(reading.labelKey.map { [$0] } ?? Self.labelNames, part) {
            labels = try labelTensor(array, key: key, count: count, &reading)
            if reading.mapping["labels"] == nil { reading.mapping["labels"] = key }
        } else if let wanted = reading.labelKey {
            let nearest = Spelling.nearest(to: wanted, among: arrays.keys)
            throw .key(
                "there is no key '\(wanted)' for the labels" + (nearest.map { " (nearest: '\($0)')" } ?? "")
                    + "; the data have \(keyList)")
        }
        return Dataset(inputs: inputs, labels: labels, count: count)
    }

    private func converted(
        _ array: DataArray, to value: ValueID, in graph: Graph, key: String, _ notes: inout [String]
    ) throws(FormatError) -> Tensor {
        let (input, type) = (graph[value].name, graph.type(value))
        let tensor = try samplesFirst(array.tensor, of: value, in: graph, key: key, &notes)
        let (sample, expected) = (tensor.shape.dimensions.dropFirst(), type.shape.dimensions.dropFirst())
        guard tensor.shape.rank > 0, tensor.shape.rank == type.shape.rank, sample == expected else {
            throw .shape(
                "a sample of input '\(input)' is \(Array(expected)), of key '\(key)' \(Array(sample))"
                    + (graph.sampleAxis(ofInput: value) == 1
                        ? ", with the samples on axis 1 as the model has them" : "")
                    + Self.layoutHint(Array(sample), Array(expected)))
        }
        guard tensor.type != .float32 || type.element == .float32 else {
            throw .unsupportedType(
                "input '\(input)' is \(type.element), key '\(key)' holds \(array.storedType): save it as integers")
        }
        let result = try tensor.converted(to: type.element)
        if tensor.type != type.element || array.storedType == "f8" || array.storedType == "f2" {
            notes.append("key '\(key)' is cast from \(array.storedType) to \(type.element)")
        }
        return result
    }

    /// Checks integers that are indices, such as token ids.
    private static func checkIndices(_ tensor: Tensor, into size: Int?, key: String) throws(FormatError) {
        guard let size else { return }
        let values: [Int64]
        switch tensor.type {
        case .int64: values = tensor.int64s
        case .int32: values = tensor.int32s.map(Int64.init)
        case .float32, .bool: return
        }
        guard let place = values.firstIndex(where: { !(Int64(-size)..<Int64(size)).contains($0) }) else { return }
        let row = place / max(1, values.count / max(1, tensor.shape[0]))
        throw .data(
            "key '\(key)' has the index \(values[place]) in sample \(row): the model takes \(-size) to \(size - 1)")
    }

    /// A hint for images with their channels at the other end, the most common reason for sizes that do not fit.
    private static func layoutHint(_ sample: [Int], _ expected: [Int]) -> String {
        guard sample.count == 3, expected.count == 3 else { return "" }
        if [sample[2], sample[0], sample[1]] == expected {
            return ": the channels are last (NHWC); save it with numpy.transpose(x, (0, 3, 1, 2))"
        }
        guard [sample[1], sample[2], sample[0]] == expected else { return "" }
        return ": the channels are first (NCHW); save it with numpy.transpose(x, (0, 2, 3, 1))"
    }

    static func rejectNotANumber(_ tensor: Tensor, key: String) throws(FormatError) {
        guard tensor.type == .float32, !tensor.isFinite() else { return }
        let place = tensor.floats.firstIndex { !$0.isFinite } ?? 0
        let row = place / max(1, tensor.shape.elementCount / max(1, tensor.shape[0]))
        throw .notANumber("key '\(key)' has a value that is not a number or infinite, first in sample \(row)")
    }
}
