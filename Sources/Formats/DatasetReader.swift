import Compute
package import Model

/// What a data file means for a model: which keys are inputs and labels, and which samples are for what.
///
/// The rules are those of the API's section on data: exact input names first, then the usual names; labels; splits by prefix
/// or suffix, else a tenth is held out by the seed.
package struct DatasetReader: Sendable {
    package struct Result: Sendable {
        package var training: Dataset
        /// For measuring only: the file's own test split, or the tenth that was held out.
        package var validation: Dataset
        /// By model input (and `labels`), the key that was taken.
        package var mapping: [String: String]
        package var notes: [String]
        package var classCount: Int?
        /// Whether the validation samples are the file's own split.
        package var hasOwnSplit: Bool
    }

    static let inputNames = [
        "x", "X", "inputs", "input", "data", "images", "features", "pixel_values", "input_ids",
    ]
    static let labelNames = ["y", "Y", "labels", "label", "target", "targets"]
    static let trainingNames = ["train"]
    static let validationNames = ["test", "val", "valid", "validation"]

    package let arrays: [String: DataArray]

    /// - Throws: ``FormatError`` for a file that is neither `.npz` nor `.safetensors`, or damaged.
    package init(_ path: String) throws(FormatError) {
        let file = try MappedFile(path)
        arrays = try Self.isZip(file) ? NPZ.read(file) : Safetensors.read(file)
    }

    private static func isZip(_ file: MappedFile) -> Bool {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        return bytes.count > 4 && bytes[0] == 0x50 && bytes[1] == 0x4B
    }

    /// - Parameters:
    ///   - graph: its inputs say which keys, types and sizes are wanted.
    ///   - labelKey: the key of the labels, if the user names it.
    ///   - inputKeys: by model input, the key that the user names.
    ///   - seed: decides which tenth is held out.
    /// - Returns: training and validation samples.
    /// - Throws: ``FormatError`` that names the key, what is wrong, and what would do.
    package func read(
        for graph: Graph, labelKey: String? = nil, inputKeys: [String: String] = [:], seed: UInt64 = 0
    ) throws(FormatError) -> Result {
        var mapping: [String: String] = [:]
        var notes: [String] = []
        let training = try split(Self.trainingNames, graph, labelKey, inputKeys, &mapping, &notes)
        let validation = try split(Self.validationNames, graph, labelKey, inputKeys, &mapping, &notes)
        let whole = try split([], graph, labelKey, inputKeys, &mapping, &notes)
        guard let samples = training ?? whole ?? validation else { throw missingKeys(graph) }
        var result: Result
        if let validation {
            result = Result(
                training: samples, validation: validation, mapping: mapping, notes: notes, hasOwnSplit: true)
        } else {
            guard samples.count >= 2 else { throw .data("one sample is not enough: some are needed to measure on") }
            var random = SeededRandom(seed: seed)
            let order = random.shuffled(count: samples.count)
            let held = max(1, samples.count / 10)
            do {
                result = Result(
                    training: try samples.samples(order.dropFirst(held).sorted()),
                    validation: try samples.samples(order.prefix(held).sorted()), mapping: mapping,
                    notes: notes + ["no test split: \(held) of \(samples.count) samples are held out"],
                    hasOwnSplit: false)
            } catch {
                throw .data("\(error)")
            }
        }
        if let shape = graph.outputs.first.map({ graph.shape($0.value) }), let classes = shape.dimensions.last {
            try checkLabels(result.training, classes, mapping)
            try checkLabels(result.validation, classes, mapping)
            if result.training.labels?.type == .int64 { result.classCount = classes }
        }
        return result
    }

    /// The parts that keys may name.
    package enum Part: Sendable {
        case training, validation
        /// Keys that name no part.
        case unsplit

        var names: [String] {
            switch self {
            case .training: trainingNames
            case .validation: validationNames
            case .unsplit: []
            }
        }
    }

    /// The samples of one part in the order of the file, for a use that holds nothing out.
    ///
    /// - Parameters:
    ///   - part: which.
    ///   - graph: its inputs say which keys, types and sizes are wanted.
    ///   - labelKey: the key of the labels, if the user names it.
    ///   - inputKeys: by model input, the key that the user names.
    ///   - withLabels: whether labels are looked for.
    /// - Returns: nil when the file has no such part.
    /// - Throws: ``FormatError`` as ``read(for:labelKey:inputKeys:seed:)`` does.
    package func samples(
        _ part: Part, for graph: Graph, labelKey: String? = nil, inputKeys: [String: String] = [:], withLabels: Bool
    ) throws(FormatError) -> Dataset? {
        var (mapping, notes) = ([String: String](), [String]())
        let samples = try split(part.names, graph, labelKey, inputKeys, withLabels: withLabels, &mapping, &notes)
        if withLabels, let samples, let shape = graph.outputs.first.map({ graph.shape($0.value) }),
            let classes = shape.dimensions.last
        {
            try checkLabels(samples, classes, mapping)
        }
        return samples
    }

    /// The shape of one sample, by input, where the data have a key for it.
    package func sampleShapes(of inputs: [String], inputKeys: [String: String] = [:]) -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for input in inputs {
            let names = [inputKeys[input] ?? input] + (inputs.count == 1 ? Self.inputNames : [])
            let found = find(names, Self.trainingNames) ?? find(names, []) ?? find(names, Self.validationNames)
            if let found { shapes[input] = Array(found.array.tensor.shape.dimensions.dropFirst()) }
        }
        return shapes
    }

    /// The samples of one split, or nil when the file has no key for the first input in it.
    private func split(
        _ splits: [String], _ graph: Graph, _ labelKey: String?, _ inputKeys: [String: String],
        withLabels: Bool = true, _ mapping: inout [String: String], _ notes: inout [String]
    ) throws(FormatError) -> Dataset? {
        var inputs: [String: Tensor] = [:]
        var count: Int?
        for value in graph.inputs {
            guard case .input(let name) = graph[value].op else { continue }
            var names = [inputKeys[name] ?? name]
            if graph.inputs.count == 1, inputKeys[name] == nil { names += Self.inputNames }
            guard let (key, array) = find(names, splits) else { return nil }
            let tensor = try converted(array, to: graph.type(value), key: key, input: name, &notes)
            let samples = tensor.shape[0]
            guard count == nil || count == samples else {
                throw .shape("key '\(key)' has \(samples) samples, the others have \(count ?? 0)")
            }
            (inputs[name], count) = (tensor, samples)
            if mapping[name] == nil { mapping[name] = key }
        }
        guard let count else { return nil }
        guard count > 0 else { throw .data("the data have no samples") }
        guard withLabels else { return Dataset(inputs: inputs, count: count) }
        var labels: Tensor?
        if let (key, array) = find(labelKey.map { [$0] } ?? Self.labelNames, splits) {
            labels = try labelTensor(array, key: key, count: count, graph, &notes)
            if mapping["labels"] == nil { mapping["labels"] = key }
        } else if let labelKey {
            throw .key("there is no key '\(labelKey)' for the labels: the data have \(keyList)")
        }
        return Dataset(inputs: inputs, labels: labels, count: count)
    }

    private func find(_ names: [String], _ splits: [String]) -> (key: String, array: DataArray)? {
        for name in names {
            let keys = splits.isEmpty ? [name] : splits.flatMap { ["\(name)_\($0)", "\($0)_\(name)"] }
            for key in keys {
                if let array = arrays[key] { return (key, array) }
            }
        }
        // train_images belongs to test_images though one is called images and the other x: any usual name will do.
        return nil
    }

    private var keyList: String {
        arrays.keys.sorted().prefix(12).map { "'\($0)' \(arrays[$0]?.tensor.shape ?? .scalar)" }.joined(separator: ", ")
    }

    private func missingKeys(_ graph: Graph) -> FormatError {
        let wanted = graph.inputs.map { "'\(graph[$0].name)' \(graph.shape($0))" }.joined(separator: ", ")
        return .key(
            "the model reads \(wanted), the data have \(keyList): name a key after the input, or say inputs={..}")
    }

    private func converted(
        _ array: DataArray, to type: ValueType, key: String, input: String, _ notes: inout [String]
    ) throws(FormatError) -> Tensor {
        let tensor = array.tensor
        let (sample, expected) = (tensor.shape.dimensions.dropFirst(), type.shape.dimensions.dropFirst())
        guard tensor.shape.rank == type.shape.rank, Array(sample) == Array(expected) else {
            throw .shape("a sample of input '\(input)' is \(Array(expected)), of key '\(key)' \(Array(sample))")
        }
        let result: Tensor
        do { result = try tensor.converted(to: type.element) } catch { throw .memory(byteCount: tensor.byteCount) }
        let stored = array.storedType
        if ["f8", "i4", "u1", "i1", "f2", "i2", "u2", "u4"].contains(stored) || tensor.type != type.element {
            notes.append("key '\(key)' is cast from \(stored) to \(type.element)")
        }
        if result.type == .float32, !result.isFinite() {
            let place = result.floats.firstIndex { !$0.isFinite } ?? 0
            let row = place / max(1, result.shape.elementCount / max(1, result.shape[0]))
            throw .notANumber("key '\(key)' has a value that is not a number or infinite, first in sample \(row)")
        }
        return result
    }

    private func labelTensor(
        _ array: DataArray, key: String, count: Int, _ graph: Graph, _ notes: inout [String]
    ) throws(FormatError) -> Tensor {
        var tensor = array.tensor
        guard tensor.shape.rank > 0, tensor.shape[0] == count else {
            throw .shape("key '\(key)' has \(tensor.shape.dimensions.first ?? 0) labels for \(count) samples")
        }
        let output = graph.outputs.first.map { graph.shape($0.value) } ?? .scalar
        if tensor.shape.rank == output.rank, tensor.shape.rank > 1, tensor.shape.dimensions.last == 1,
            tensor.type == .int64, output.dimensions.last != 1,
            let squeezed = try? Shape(Array(tensor.shape.dimensions.dropLast()))
        {
            tensor = tensor.reshaped(squeezed)
            notes.append("key '\(key)' is squeezed to \(squeezed)")
        }
        if tensor.type == .float32, !tensor.isFinite() {
            throw .notANumber("key '\(key)' has a value that is not a number")
        }
        let expected =
            tensor.type == .int64
            ? Array(output.dimensions.dropLast().dropFirst()) : Array(output.dimensions.dropFirst())
        guard Array(tensor.shape.dimensions.dropFirst()) == expected else {
            throw .shape(
                "the labels of a sample are \(expected) for an output of shape \(output), in key '\(key)' "
                    + "\(Array(tensor.shape.dimensions.dropFirst()))")
        }
        return tensor
    }

    private func checkLabels(_ samples: Dataset, _ classes: Int, _ mapping: [String: String]) throws(FormatError) {
        guard let labels = samples.labels, labels.type == .int64 else { return }
        for (index, label) in labels.int64s.enumerated() where label != Loss.ignoredLabel {
            guard label >= 0, label < Int64(classes) else {
                throw .label(
                    "label \(label) at place \(index) of '\(mapping["labels"] ?? "")': the model has \(classes) classes, "
                        + "0 to \(classes - 1) (-100 is ignored)")
            }
        }
    }
}

extension Tensor {
    fileprivate func converted(to type: ElementType) throws(ComputeError) -> Tensor {
        guard type != self.type else { return self }
        do throws(MemoryError) {
            let result = try Tensor(type, zeros: shape)
            do throws(ComputeError) { try Step.cast(self, into: result).run() } catch {
                throw MemoryError(byteCount: byteCount)
            }
            return result
        } catch {
            throw .memory(error)
        }
    }
}
