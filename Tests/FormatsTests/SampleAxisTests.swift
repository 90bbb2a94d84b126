import Compute
import Foundation
import Model
import Testing

@testable import Formats

private typealias Sizes = [ONNXModel.Dimension]

/// Sizes as people write them: `"12 batch 8"`; a size of -1 has no name.
private func sizes(_ text: String) -> Sizes {
    text.split(separator: " ").map { word in Int64(word).map { .size($0) } ?? .symbol(String(word)) }
}

private func axes(_ inputs: [String], _ outputs: [String]) -> SampleAxes {
    func named(_ shapes: [String], _ name: String) -> [String: Sizes] {
        Dictionary(uniqueKeysWithValues: shapes.enumerated().map { ("\(name)\($0.offset)", sizes($0.element)) })
    }
    return SampleAxes(inputs: named(inputs, "x"), outputs: named(outputs, "y"))
}

// MARK: Which axis

@Test(
    arguments: [
        // The second axis alone is open.
        (["50 batch 8"], ["batch 10"], [1], [0]),
        (["50 N 8"], ["50 N 10"], [1], [1]),
        (["50 -1 8"], ["50 -1 10"], [1], [1]),
        (["50 N 8"], ["Gemmlogits_dim_0 10"], [1], [0]),
        (["50 N 8"], ["50 LSTMy_dim_1 8"], [1], [1]),
        (["50 N"], ["N 10"], [1], [0]),
        // Both are open, and an output or an input begins with the second.
        (["s0 s1 8"], ["s1 10"], [1], [0]),
        (["s0 s1 8"], ["s1 10", "s0 s1 8"], [1], [0, 1]),
        (["s0 s1 8", "s1"], ["s0 s1 8"], [1, 0], [1]),
        (["seq batch 8"], ["seq batch 10"], [1], [1]),
        (["source batch_size 8", "target batch_size 8"], ["target batch_size 10"], [1, 1], [1]),
        // States go by the other inputs.
        (["50 N 8", "1 N 16"], ["N 10", "1 N 16"], [1, 1], [0, 1]),
        (["N 50 8", "1 N 16"], ["N 10", "1 N 16"], [0, 1], [0, 1]),
    ])
func `samples lie on the second axis of a time-first model`(
    inputs: [String], outputs: [String], ofInputs: [Int], ofOutputs: [Int]
) {
    let axes = axes(inputs, outputs)
    #expect(inputs.indices.map { axes["x\($0)"] } == ofInputs)
    #expect(outputs.indices.map { axes["y\($0)"] } == ofOutputs)
}

@Test(
    arguments: [
        (["batch seq 8"], ["batch seq 10"]), (["s0 s1 8"], ["s0 s1 10"]), (["s0 s1"], ["s0 10"]),
        (["s0 s1", "s0 s1"], ["s0 s1 8", "s0 8"]), (["-1 -1 8"], ["-1 10"]), (["N 3 h w"], ["N 10"]), (["N N"], ["N"]),
        // One sample of open length, and a batch of a fixed size.
        (["1 seq"], ["1 seq 10"]), (["1 frames 80"], ["frames 10"]), (["8 seq 80"], ["8 seq 10"]),
        (["8 s1 80"], ["8 10"]),
        (["8 s1 80", "8"], ["8 s1 10"]), (["8 3 h w"], ["8 10"]), (["8 s1 s2"], ["8 s1 10"]),
        (["images 64", "texts 64"], ["images texts", "texts images"]), (["", "N"], ["", "N"]),
    ])
func `samples lie on the first axis where nothing tells`(inputs: [String], outputs: [String]) {
    let axes = axes(inputs, outputs)
    #expect(inputs.indices.allSatisfy { axes["x\($0)"] == 0 })
    #expect(outputs.indices.allSatisfy { axes["y\($0)"] == 0 })
}

// MARK: Lowering

/// A model that adds a weight `[4]` to `x [3, N, 4]`.
private func timeFirst(x: [Int64] = [3, -1, 4], y: [Int64] = [3, -1, 4]) -> ONNXBuilder {
    var draft = ONNXBuilder(
        [.init(opType: "Add", inputs: ["x", "w"])], [.floats("w", [4])], x: x)
    draft.outputs = []
    draft.moreOfGraph = Wire.field(12, ONNXBuilder.value("y", 1, y))
    return draft
}

@Test func `a graph has the samples of inputs and outputs first, its nodes those of the file`() throws {
    let folder = try Folder()
    let document = try ONNXDocument(folder.write(timeFirst().bytes))
    #expect(document.fixedBatch == nil)
    let graph = try document.lower(batch: 2)
    #expect(graph.shape(graph.inputs[0]).dimensions == [2, 3, 4])
    #expect(graph.outputs.map { graph.shape($0.value).dimensions } == [[2, 3, 4]])
    #expect(graph.values.filter { !graph[$0].origin.nodes.isEmpty }.map { graph.shape($0).dimensions } == [[3, 2, 4]])
    #expect(graph.sampleAxis(ofInput: graph.inputs[0]) == 1)
    #expect(graph.sampleAxis(ofOutput: graph.outputs[0].value) == 1)
    let x = try Tensor((0..<24).map(Float.init), Shape([2, 3, 4]))
    let y = try #require(try outputs(of: graph, on: ["x": x])["y"])
    #expect(y.floats.elementsEqual(x.floats.map { $0 + 0.5 }))
    #expect(try document.edit(toMatch: graph).isEmpty)
}

@Test func `an output with other sizes than it declares stays as it is`() throws {
    let folder = try Folder()
    let graph = try ONNXDocument(folder.write(timeFirst(y: [3, -5, 4]).bytes)).lower(batch: 3)
    #expect(graph.sampleAxis(ofOutput: graph.outputs[0].value) == 1)
    var draft = timeFirst()
    draft.nodes[0] = .init(opType: "Reshape", inputs: ["x", "sizes"])
    draft.weights = [.integers("sizes", [4, -1])]
    let flat = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2)
    #expect(flat.sampleAxis(ofOutput: flat.outputs[0].value) == 0)
}

// MARK: Data

private func read(
    _ arrays: [(String, [Int])], x: [Int64] = [3, -1, 4], y: [Int64] = [3, -1, 4]
) throws -> DatasetReader.Result {
    let folder = try Folder()
    let document = try ONNXDocument(folder.write(timeFirst(x: x, y: y).bytes))
    let tensors = try arrays.map { name, sizes in
        let shape = try Shape(sizes)
        return (name: name, tensor: try Tensor((0..<shape.elementCount).map(Float.init), shape))
    }
    try NPZ.write(tensors, to: folder.path + "/data.npz")
    let reader = try DatasetReader(folder.path + "/data.npz")
    let shapes = reader.sampleShapes(of: ["x"], axes: document.sampleAxes)
    return try reader.read(for: document.lower(batch: 2, samples: shapes))
}

private let note = "key 'x' has its samples on axis 1, as the model does"

@Test func `data may have their samples on the axis of the model or on the first`() throws {
    let own = try read([("x_train", [3, 10, 4]), ("x_test", [3, 6, 4])])
    #expect((own.training.count, own.validation.count) == (10, 6))
    #expect(own.training.inputs["x"]?.shape.dimensions == [10, 3, 4])
    // The second sample of [3, 10, 4]: element 4 of each step.
    #expect(
        own.training.inputs["x"]?.floats.dropFirst(12).prefix(8).elementsEqual([4, 5, 6, 7, 44, 45, 46, 47]) == true)
    #expect(own.notes.contains("key 'x_train' has its samples on axis 1, as the model does"))
    let first = try read([("x", [10, 3, 4])])
    #expect(first.training.count + first.validation.count == 10)
    #expect(!first.notes.contains(note))
}

@Test func `the order of the model comes first where both fit`() throws {
    let both = try read([("x_train", [3, 3, 4]), ("x_test", [3, 3, 4])])
    #expect(both.training.inputs["x"]?.floats.prefix(8).elementsEqual([0, 1, 2, 3, 12, 13, 14, 15]) == true)
    #expect(both.notes.contains("key 'x_train' has its samples on axis 1, as the model does"))
}

@Test func `an open number of steps comes from the data`() throws {
    let own = try read([("x", [5, 10, 4])], x: [-2, -1, 4], y: [-1, 4])
    #expect(own.training.inputs["x"]?.shape.dimensions == [8, 5, 4])
}

@Test func `labels tell the samples where the number of steps is open`() throws {
    let axes = axes(["s0 s1 4"], ["s1 10"])
    let folder = try Folder()
    let x = (name: "x0", tensor: try Tensor(zeros: Shape([10, 5, 4])))
    let y = (name: "y", tensor: try Tensor(zeros: Shape([10])))
    for (arrays, expected) in [([x], [10, 4]), ([x, y], [5, 4])] {
        try NPZ.write(arrays, to: folder.path + "/data.npz")
        #expect(try DatasetReader(folder.path + "/data.npz").sampleShapes(of: ["x0"], axes: axes) == ["x0": expected])
    }
}

@Test func `labels may have their samples on the second axis as the output has`() throws {
    let result = try read([("x", [3, 10, 4]), ("y", [3, 10, 4])])
    #expect(result.training.labels?.shape.dimensions == [8, 3, 4])
}

@Test func `sizes that fit neither order are refused`() throws {
    let refusal = failure { _ = try read([("x", [5, 10, 4])]) }
    #expect(
        refusal?.text.contains("a sample of input 'x' is [3, 4], of key 'x' [5, 4], with the samples on axis 1") == true
    )
}
