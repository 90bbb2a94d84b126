import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// A graph with inputs and an output of these shapes: the sum of each sample's first input, plus a parameter.
private func graph(_ inputs: [(String, ElementType, [Int])], output: [Int]) throws -> Graph {
    var graph = Graph()
    for (name, type, sizes) in inputs { _ = graph.addInput(name, ValueType(type, try Shape(sizes))) }
    let logits = graph.addParameter(Parameter(name: "p", tensor: try Tensor(zeros: Shape(output)), isTrainable: true))
    var sum = graph.inputs[0]
    if graph.type(sum).element != .float32 { sum = try graph.append(.cast(.float32), [sum]) }
    if graph.shape(sum).rank > 1 {
        sum = try graph.append(.reduce(.sum, axes: Array(1..<graph.shape(sum).rank), keepsAxes: false), [sum])
    }
    let column = [output[0]] + [Int](repeating: 1, count: output.count - 1)
    sum = try graph.append(.reshape(Shape(column)), [sum])
    graph.addOutput("logits", try graph.append(.binary(.add), [logits, sum]))
    return graph
}

/// A classifier of two features into three classes.
private func classifier(_ input: String = "input") throws -> Graph {
    try graph([(input, .float32, [4, 2])], output: [4, 3])
}

private func floats(_ count: Int, _ sizes: [Int], from start: Float = 0) throws -> Tensor {
    let shape = try Shape([count] + sizes)
    return try Tensor((0..<shape.elementCount).map { start + Float($0) }, shape)
}

private func integers(_ values: [Int64], _ sizes: [Int] = []) throws -> Tensor {
    try Tensor(values, Shape([values.count / max(1, sizes.reduce(1, *))] + sizes))
}

private func classes(_ count: Int) throws -> Tensor { try integers((0..<Int64(count)).map { $0 % 3 }) }

/// A data file with the given arrays.
private struct Data {
    let folder: Folder
    let reader: DatasetReader

    init(_ arrays: [(String, Tensor)]) throws {
        folder = try Folder()
        try NPZ.write(arrays.map { (name: $0.0, tensor: $0.1) }, to: folder.path + "/data.npz")
        reader = try DatasetReader(folder.path + "/data.npz")
    }
}

// MARK: Keys

@Test(arguments: ["input", "x", "X", "inputs", "data", "images", "features", "pixel_values", "input_ids"])
func `a single input has its own name or a usual one`(key: String) throws {
    let data = try Data([(key, floats(10, [2])), ("other", floats(10, [2]))])
    #expect(try data.reader.read(for: classifier()).mapping == ["input": key])
    #expect(data.reader.sampleShapes(of: ["input"], axes: SampleAxes(inputs: [:], outputs: [:])) == ["input": [2]])
}

@Test(arguments: ["y", "Y", "labels", "label", "target", "targets"])
func `labels have a usual name`(key: String) throws {
    let result = try Data([("x", floats(10, [2])), (key, classes(10))]).reader.read(for: classifier())
    #expect(result.mapping == ["input": "x", "labels": key])
    #expect(result.classCount == 3)
}

@Test func `the exact name of the input comes before a usual one`() throws {
    let data = try Data([("x", floats(10, [2], from: 100)), ("input", floats(10, [2]))])
    let result = try data.reader.read(for: classifier())
    #expect(result.mapping == ["input": "input"])
    #expect(result.training.inputs["input"]?.floats.contains(100) == false)
}

@Test func `several inputs go by their exact names`() throws {
    let model = try graph([("input_ids", .int64, [4, 2]), ("attention_mask", .int64, [4, 2])], output: [4, 3])
    let ids = try integers((0..<20).map { $0 }, [2])
    let result = try Data([("input_ids", ids), ("attention_mask", ids), ("labels", classes(10))]).reader.read(
        for: model)
    #expect(result.mapping == ["input_ids": "input_ids", "attention_mask": "attention_mask", "labels": "labels"])
    let refusal = failure { _ = try Data([("input_ids", ids), ("atention_mask", ids)]).reader.read(for: model) }
    #expect(refusal?.code == "dataset_key_mismatch")
    #expect(
        refusal?.text
            == "'attention_mask' [4, 2] is missing (nearest: 'atention_mask'); the data have 'atention_mask' [10, 2], "
            + "'input_ids' [10, 2]: name the keys after the inputs, or say inputs={..}")
}

@Test func `the user's own keys come before all others`() throws {
    let data = try Data([
        ("x", floats(10, [2])), ("mine", floats(10, [2], from: 100)), ("y", classes(10)), ("truth", classes(10)),
    ])
    let result = try data.reader.read(for: classifier(), labelKey: "truth", inputKeys: ["input": "mine"])
    #expect(result.mapping == ["input": "mine", "labels": "truth"])
    let refusal = failure { _ = try data.reader.read(for: classifier(), labelKey: "truht") }
    #expect(refusal?.code == "dataset_key_mismatch")
    #expect(
        refusal?.text
            == "there is no key 'truht' for the labels (nearest: 'truth'); the data have 'mine' [10, 2], 'truth' [10], "
            + "'x' [10, 2], 'y' [10]")
}

@Test func `a key that is missing is named with the nearest and all there are`() throws {
    let refusal = failure {
        _ = try Data([("imput", floats(10, [2])), ("z", classes(10))]).reader.read(for: classifier())
    }
    #expect(refusal?.code == "dataset_key_mismatch")
    #expect(
        refusal?.text
            == "'input' [4, 2] is missing (nearest: 'imput'); the data have 'imput' [10, 2], 'z' [10]: "
            + "name the keys after the inputs, or say inputs={..}")
}

// MARK: Splits

@Test(arguments: [
    ["x_train", "y_train", "x_test", "y_test"], ["X_train", "Y_train", "X_val", "Y_val"],
    ["train_images", "train_labels", "val_images", "val_labels"],
    ["train_x", "train_y", "valid_x", "valid_y"], ["x", "y", "x_test", "y_test"],
    ["input_train", "labels_train", "test_input", "test_labels"],
])
func `splits are told by a prefix or a suffix`(keys: [String]) throws {
    let data = try Data([
        (keys[0], floats(10, [2])), (keys[1], classes(10)), (keys[2], floats(5, [2], from: 100)), (keys[3], classes(5)),
    ])
    let result = try data.reader.read(for: classifier())
    #expect(result.hasOwnSplit)
    #expect((result.training.count, result.validation.count) == (10, 5))
    #expect(result.validation.inputs["input"]?.floats.first == 100)
    #expect(result.mapping == ["input": keys[0], "labels": keys[1]])
    #expect(result.notes == [])
    #expect(
        try data.reader.samples(.validation, for: classifier(), withLabels: true)?.labels?.int64s == [0, 1, 2, 0, 1])
    #expect(try data.reader.samples(.validation, for: classifier(), withLabels: false)?.labels == nil)
}

@Test(arguments: [("x", "y"), ("x_train", "y_train"), ("x_test", "y_test")])
func `without a test split a quarter of few samples is held out by the seed`(x: String, y: String) throws {
    let data = try Data([(x, floats(50, [2])), (y, classes(50))])
    let result = try data.reader.read(for: classifier(), seed: 7)
    #expect(!result.hasOwnSplit)
    #expect((result.training.count, result.validation.count) == (38, 12))
    #expect(result.notes == ["no test split: 12 of 50 samples are held out"])
    let first = { (samples: Dataset) in
        samples.inputs["input"]?.floats.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) ?? []
    }
    #expect((first(result.training) + first(result.validation)).sorted() == (0..<50).map { Float(2 * $0) })
    // Labels are split along with their samples.
    for samples in [result.training, result.validation] {
        #expect(samples.labels?.int64s == first(samples).map { Int64($0) / 2 % 3 })
    }
    #expect(
        try data.reader.read(for: classifier(), seed: 7).validation.labels?.int64s == result.validation.labels?.int64s)
    let other = try data.reader.read(for: classifier(), seed: 8)
    #expect(first(other.validation) != first(result.validation))
}

@Test func `copies count once, and those of training samples are no test samples`() throws {
    let twice = try Tensor((0..<2).flatMap { _ in (0..<20).map(Float.init) }, Shape([20, 2]))
    let result = try Data([("x", twice)]).reader.read(for: classifier())
    #expect(result.training.count + result.validation.count == 10)
    #expect(result.notes.first == "10 of 20 samples are copies of others and do not count")
    let split = try Data([("x_train", floats(6, [2])), ("x_test", floats(8, [2], from: 8))]).reader.read(
        for: classifier())
    #expect((split.training.count, split.validation.count) == (6, 6))
    #expect(split.notes == ["2 of 8 test samples are copies of others and do not count"])
    let all = try Data([("x_train", floats(6, [2])), ("x_test", floats(3, [2]))]).reader.read(for: classifier())
    #expect(!all.hasOwnSplit)
    let one = failure { _ = try Data([("x", Tensor(zeros: Shape([5, 2])))]).reader.read(for: classifier()) }
    #expect(one?.text == "all samples are copies of one: some are needed to fit on, and others to measure on")
}

@Test func `nothing can be held out of one sample`() throws {
    let refusal = failure { _ = try Data([("x", floats(1, [2]))]).reader.read(for: classifier()) }
    #expect(refusal?.code == "invalid_data")
    #expect(refusal?.text == "one sample is not enough: some are needed to measure on")
    let empty = failure { _ = try Data([("x", floats(0, [2]))]).reader.read(for: classifier()) }
    #expect(empty?.text == "the data have no samples")
}

// MARK: Types and shapes

@Test func `types that the model does not read are cast, with a note`() throws {
    let folder = try Folder()
    let f8 = [0.5, -1, 2, 3].flatMap { value in little(value.bitPattern, 8) }
    let i4 = [5, 6].flatMap { little(UInt64($0), 4) }
    let draft = ZipDraft([
        .init("x.npy", ZipDraft.npy("(2, 2)", type: "'<f8'", data: f8)),
        .init("ids.npy", ZipDraft.npy("(2, 1)", type: "'<i4'", data: i4)),
        .init("pixels.npy", ZipDraft.npy("(2, 1)", type: "'|u1'", data: [7, 255])),
    ])
    let model = try graph(
        [("x", .float32, [4, 2]), ("ids", .int64, [4, 1]), ("pixels", .float32, [4, 1])], output: [4, 3])
    let reader = try DatasetReader(folder.write(draft.bytes))
    let samples = try #require(try reader.samples(.unsplit, for: model, withLabels: true))
    #expect(samples.inputs["x"]?.floats == [0.5, -1, 2, 3])
    #expect(samples.inputs["ids"]?.int64s == [5, 6])
    #expect(samples.inputs["pixels"]?.floats == [7, 255])
    #expect(
        try reader.read(for: model).notes == [
            "key 'x' is cast from f8 to float32", "key 'ids' is cast from i4 to int64",
            "key 'pixels' is cast from u1 to float32", "no test split: 1 of 2 samples are held out",
        ])
}

@Test func `numbers with fractions are no ids`() throws {
    let model = try graph([("ids", .int64, [4, 2])], output: [4, 3])
    let refusal = failure { _ = try Data([("ids", floats(10, [2]))]).reader.read(for: model) }
    #expect(refusal?.code == "unsupported_dtype")
    #expect(refusal?.text == "input 'ids' is int64, key 'ids' holds f4: save it as integers")
}

@Test func `samples of another shape are refused with both`() throws {
    let refusal = failure { _ = try Data([("x", floats(10, [3]))]).reader.read(for: classifier()) }
    #expect(refusal?.code == "shape_mismatch")
    #expect(refusal?.text == "a sample of input 'input' is [2], of key 'x' [3]")
    let scalar = failure { _ = try Data([("x", Tensor([Float(1)], .scalar))]).reader.read(for: classifier()) }
    #expect(scalar?.text == "a sample of input 'input' is [2], of key 'x' []")
    let images = try graph([("input", .float32, [4, 3, 8, 8])], output: [4, 3])
    let last = failure { _ = try Data([("x", floats(2, [8, 8, 3]))]).reader.read(for: images) }
    #expect(
        last?.text
            == "a sample of input 'input' is [3, 8, 8], of key 'x' [8, 8, 3]: the channels are last (NHWC); "
            + "save it with numpy.transpose(x, (0, 3, 1, 2))")
    let pixels = try graph([("input", .float32, [4, 8, 8, 3])], output: [4, 3])
    let first = failure { _ = try Data([("x", floats(2, [3, 8, 8]))]).reader.read(for: pixels) }
    #expect(
        first?.text
            == "a sample of input 'input' is [8, 8, 3], of key 'x' [3, 8, 8]: the channels are first (NCHW); "
            + "save it with numpy.transpose(x, (0, 2, 3, 1))")
    let two = try graph([("a", .float32, [4, 2]), ("b", .float32, [4, 2])], output: [4, 3])
    let counts = failure { _ = try Data([("a", floats(10, [2])), ("b", floats(9, [2]))]).reader.read(for: two) }
    #expect(counts?.text == "key 'b' has 9 samples, the others have 10")
}

@Test func `labels in a column are squeezed`() throws {
    let data = try Data([("x", floats(4, [2])), ("y", integers([0, 1, 2, 0], [1]))])
    let result = try data.reader.read(for: classifier())
    #expect(result.training.labels?.shape.rank == 1)
    #expect(result.notes.first == "key 'y' is squeezed to [4]")
}

@Test func `labels of each position, and the ones to be ignored, are read`() throws {
    let model = try graph([("input", .int64, [4, 2])], output: [4, 2, 3])
    let data = try Data([("input", integers([1, 2, 3, 4], [2])), ("labels", integers([-100, 2, 0, -100], [2]))])
    #expect(try data.reader.samples(.unsplit, for: model, withLabels: true)?.labels?.int64s == [-100, 2, 0, -100])
    let wrong = try Data([("input", integers([1, 2, 3, 4], [2])), ("labels", integers([-100, 2, 3, 0], [2]))])
    let refusal = failure { _ = try wrong.reader.read(for: model) }
    #expect(refusal?.code == "label_out_of_range")
    #expect(
        refusal?.text
            == "label 3 of sample 1 in key 'labels': the model has 3 classes, 0 to 2 (-100 is ignored)")
}

@Test(arguments: [3, -1, .max, .min, -99] as [Int64])
func `a label that is no class is refused with its sample`(label: Int64) throws {
    let data = try Data([("x", floats(4, [2])), ("y", integers([0, 1, label, 0]))])
    let refusal = failure { _ = try data.reader.read(for: classifier()) }
    #expect(refusal?.code == "label_out_of_range")
    #expect(
        refusal?.text == "label \(label) of sample 2 in key 'y': the model has 3 classes, 0 to 2 (-100 is ignored)")
}

@Test func `targets have the shape of the output, whatever their type`() throws {
    let targets = try Data([("x", floats(4, [2])), ("y", floats(4, [3]))])
    #expect(try targets.reader.read(for: classifier()).training.labels?.type == .float32)
    let hot = try Data([("x", floats(2, [2])), ("y", integers([1, 0, 1, 0, 0, 1], [3]))])
    let result = try hot.reader.samples(.unsplit, for: classifier(), withLabels: true)
    #expect(result?.labels?.floats == [1, 0, 1, 0, 0, 1])
    let truths = try Data([("x", floats(1, [2])), ("y", Tensor([true, false, true], Shape([1, 3])))])
    #expect(try truths.reader.samples(.unsplit, for: classifier(), withLabels: true)?.labels?.floats == [1, 0, 1])
    let score = try graph([("x", .float32, [4, 2])], output: [4, 1])
    let binary = try Data([("x", floats(2, [2])), ("y", integers([1, 0]))])
    let labels = try #require(try binary.reader.samples(.unsplit, for: score, withLabels: true)?.labels)
    #expect((labels.shape.dimensions, labels.floats) == ([2, 1], [1, 0]))
}

@Test func `labels of another shape are refused`() throws {
    let data = try Data([("x", floats(4, [2])), ("y", floats(4, [2]))])
    let refusal = failure { _ = try data.reader.read(for: classifier()) }
    #expect(refusal?.code == "shape_mismatch")
    #expect(
        refusal?.text
            == "the labels of a sample are [] (classes) or [3] (targets) for an output of shape [4, 3], in key 'y' [2] of f4"
    )
    let few = failure { _ = try Data([("x", floats(4, [2])), ("y", classes(3))]).reader.read(for: classifier()) }
    #expect(few?.text == "key 'y' has 3 labels for 4 samples")
}

// MARK: NaN and infinity

@Test(arguments: [Float.nan, .infinity, -.infinity])
func `a target that is not a number is refused with its key and sample`(value: Float) throws {
    var numbers = [Float](repeating: 1, count: 12)
    numbers[5] = value
    let targets = try Data([("x", floats(4, [2])), ("y", Tensor(numbers, Shape([4, 3])))])
    let refusal = failure { _ = try targets.reader.read(for: classifier()) }
    #expect(refusal?.code == "nan_in_data")
    #expect(refusal?.text == "key 'y' has a value that is not a number or infinite, first in sample 1")
}

@Test func `inputs that are not numbers are left to the network`() throws {
    let folder = try Folder()
    let draft = ZipDraft([
        .init(
            "x.npy",
            ZipDraft.npy("(2, 2)", type: "'<f8'", data: [1, 1e300, .nan, 2].flatMap { little($0.bitPattern, 8) }))
    ])
    let samples = try DatasetReader(folder.write(draft.bytes)).samples(.unsplit, for: classifier(), withLabels: false)
    let x = try #require(samples?.inputs["input"]?.floats)
    #expect(x[1] == .infinity && x[2].isNaN)
}

@Test(arguments: [(3, "5"), (-4, "-4"), (1 << 40, "1099511627776")] as [(Int64, String)])
func `an index beyond the axis that it is one of is refused with its place`(index: Int64, text: String) throws {
    var graph = Graph()
    let ids = graph.addInput("ids", ValueType(.int64, try Shape([2, 2])))
    let table = graph.addParameter(Parameter(name: "t", tensor: try Tensor(zeros: Shape([3, 4])), isTrainable: true))
    let flat = try graph.append(.reshape(Shape([4])), [ids])
    let rows = try graph.append(.gather(axis: 0), [table, flat])
    graph.addOutput("y", try graph.append(.reshape(Shape([2, 8])), [rows]))
    #expect(graph.indexedSize(ids) == 3)
    let data = try Data([("ids", integers([0, 2, -3, 1, 2, index == 3 ? 5 : index], [2]))])
    let refusal = failure { _ = try data.reader.samples(.unsplit, for: graph, withLabels: false) }
    #expect(refusal?.code == "invalid_data")
    #expect(refusal?.text == "key 'ids' has the index \(text) in sample 2: the model takes -3 to 2")
}

@Test func `rows of one 1 are classes, and whole numbers too`() throws {
    let rows = try Tensor([0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1] as [Float], Shape([4, 3]))
    let x = try floats(4, [2])
    let result = try Data([("x_train", x), ("y_train", rows), ("x_test", floats(4, [2], from: 100)), ("y_test", rows)])
        .reader
        .read(for: classifier())
    #expect(result.training.labels?.int64s == [2, 0, 1, 2])
    #expect(result.notes.contains("key 'y_train' is one-hot and taken as classes"))
    let targets = try Data([("x", x), ("y", rows)]).reader
        .samples(.unsplit, for: classifier(), withLabels: true, prefersClasses: false)
    #expect(targets?.labels?.floats == rows.floats)
    let whole = try Data([("x", x), ("y", Tensor([0, 2, 1, 1] as [Float], Shape([4])))]).reader
        .samples(.unsplit, for: classifier(), withLabels: true)
    #expect(whole?.labels?.int64s == [0, 2, 1, 1])
}

@Test func `labels lie along the other axes than that of the classes`() throws {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([2, 3, 4])))
    graph.addOutput("y", try graph.append(.unary(.relu), [x]))
    let places = try Tensor([0, 2, 1, 2, 0, 0, 1, -100] as [Int64], Shape([2, 4]))
    let data = try Data([("x", floats(2, [3, 4])), ("y", places)])
    let samples = try data.reader.samples(.unsplit, for: graph, withLabels: true, classAxis: 1)
    #expect(samples?.labels?.int64s == places.int64s)
    let wrong = try Tensor([0, 2, 1, 3, 0, 0, 1, -100] as [Int64], Shape([2, 4]))
    let refusal = failure {
        _ = try Data([("x", floats(2, [3, 4])), ("y", wrong)]).reader
            .samples(.unsplit, for: graph, withLabels: true, classAxis: 1)
    }
    #expect(refusal?.text == "label 3 of sample 0 in key 'y': the model has 3 classes, 0 to 2 (-100 is ignored)")
    let beyond = failure { _ = try data.reader.samples(.unsplit, for: graph, withLabels: true, classAxis: 3) }
    #expect(beyond?.text == "class_axis 3: the output 'y' has the axes 0 to 2")
}

@Test func `labels belong to the first output that they fit`() throws {
    var two = try classifier()
    let name = try #require(two.outputs.first?.name)
    let x = two.inputs[0]
    two.addOutput("value", try two.append(.reduce(.sum, axes: [1], keepsAxes: true), [x]))
    let scores = try Data([("x", floats(4, [2])), ("y", Tensor([0.5, 1, 2, 3] as [Float], Shape([4, 1])))])
    let samples = try scores.reader.samples(.unsplit, for: two, withLabels: true)
    #expect(samples?.labels?.shape.dimensions == [4, 1])
    let named = failure { _ = try scores.reader.samples(.unsplit, for: two, output: name, withLabels: true) }
    #expect(named?.code == "shape_mismatch")
}
