import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// A document before and after its weights became integers.
private struct Quantizing {
    let before: ONNXDocument
    let quantization: DynamicQuantization
    let after: ONNXDocument
    private let folder: Folder

    init(_ builder: ONNXBuilder) throws {
        let folder = try Folder()
        try self.init(folder.write(builder.bytes, as: "before.onnx"), folder)
    }

    init(_ path: String, _ folder: Folder? = nil) throws {
        self.folder = try folder ?? Folder()
        before = try ONNXDocument(path)
        quantization = DynamicQuantization(before)
        try before.write(quantization.edit, to: self.folder.path + "/after.onnx")
        after = try ONNXDocument(self.folder.path + "/after.onnx", readsQuantized: true)
    }

    var operators: [String] { after.model.nodes.map(\.opType) }
    var reasons: [String?] { quantization.weights.map(\.reason) }

    /// The outputs of both for random numbers, or for a given input.
    func outputs(batch: Int = 2, _ given: Tensor? = nil) throws -> (before: Tensor, after: Tensor) {
        let graphs = [try before.lower(batch: batch), try after.lower(batch: batch)]
        let shape = graphs[0].shape(graphs[0].inputs[0])
        let x = try given ?? numbers(shape.dimensions, seed: 8)
        let found = try graphs.map { graph in
            let results = try FormatsTests.outputs(of: graph, on: [graph[graph.inputs[0]].name: x])
            return try #require(results.first?.value)
        }
        return (found[0], found[1])
    }
}

private func numbers(_ sizes: [Int], seed: UInt64) throws -> Tensor {
    var random = SeededRandom(seed: seed)
    return try Tensor((0..<sizes.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &random) }, Shape(sizes))
}

private func weight(_ name: String, _ sizes: [Int], type: Int64 = 1, seed: UInt64 = 5) throws -> ONNXBuilder.Weight {
    let bytes = try numbers(sizes, seed: seed).floats.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
    return ONNXBuilder.Weight(name: name, sizes: sizes.map { Int64($0) }, type: type, raw: bytes)
}

private typealias Node = ONNXBuilder.Node

// MARK: Integers

@Test func `an entry is its integer times the scale of its channel to within half of that`() throws {
    let (rows, columns) = (31, 7)
    let floats = try numbers([rows, columns], seed: 2).floats.enumerated().map { $1 * Float(1 + $0 % columns) }
    for limitsPairs in [false, true] {
        for channels in [ChannelIntegers.Axis.rows, .columns] {
            let found = try #require(
                ChannelIntegers(
                    floats, rows: rows, columns: columns, channels: channels, limitsPairs: limitsPairs))
            #expect(found.scales.count == (channels == .rows ? rows : columns))
            for (index, value) in floats.enumerated() {
                let scale = found.scales[channels == .rows ? index / columns : index % columns]
                #expect(abs(value - Float(found.integers[index]) * scale) <= scale * 0.50001)
            }
        }
    }
}

@Test(arguments: [1, 2, 9, 64])
func `two neighbours of one sign sum to no more than kernels of 16 bits hold`(length: Int) throws {
    for seed in 0..<20 {
        var floats = try numbers([length, 3], seed: UInt64(seed)).floats
        // The worst: neighbours that are the largest both.
        if seed == 0 { floats = floats.map { _ in 0.5 } }
        let found = try #require(
            ChannelIntegers(floats, rows: length, columns: 3, channels: .columns, limitsPairs: true))
        for column in 0..<3 {
            for place in stride(from: 0, to: length - 1, by: 2) {
                let pair = [place, place + 1].map { Int(found.integers[$0 * 3 + column]) }
                let sums = [pair.filter { $0 > 0 }.reduce(0, +), pair.filter { $0 < 0 }.reduce(0, +)]
                #expect(sums.allSatisfy { abs(255 * $0) < 1 << 15 })
            }
        }
    }
}

@Test func `a channel of zeros and one of the smallest numbers have scales, and what is not finite has none`() throws {
    func integers(_ floats: [Float]) -> ChannelIntegers? {
        ChannelIntegers(floats, rows: 2, columns: 2, channels: .rows, limitsPairs: true)
    }
    let found = try #require(integers([0, 0, Float(bitPattern: 700), -Float(bitPattern: 700)]))
    #expect(found.scales == [1, .leastNormalMagnitude])
    #expect(found.integers == [0, 0, 0, 0])
    #expect(integers([0, .infinity, 1, 1]) == nil)
    #expect(integers([0, .nan, 1, 1]) == nil)
    #expect(integers([.greatestFiniteMagnitude, .greatestFiniteMagnitude, 1, 1]) == nil)
}

// MARK: Products

@Test func `a product is one of integers, and its input is quantized once for all that read it`() throws {
    let made = try Quantizing(
        ONNXBuilder(
            [
                Node(opType: "MatMul", inputs: ["x", "a"], outputs: ["left"]),
                Node(opType: "MatMul", inputs: ["x", "b"], outputs: ["right"]),
                Node(opType: "Add", inputs: ["left", "right"]),
            ], [try weight("a", [32, 40]), try weight("b", [32, 40], seed: 6)], x: [-1, 32]))
    #expect(
        made.operators == [
            "DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul", "MatMulInteger", "Cast", "Mul", "Mul",
            "Add",
        ])
    #expect(made.after.model.initializers.map(\.name) == ["a_quantized", "a_scale", "b_quantized", "b_scale"])
    #expect(made.after.model.initializers.map(\.dataType) == [3, 1, 3, 1])
    #expect(made.after.model.initializers.map(\.sizes) == [[32, 40], [40], [32, 40], [40]])
    let (before, after) = try made.outputs()
    expectClose(after, before, within: 0.08)
}

@Test(arguments: [(0, [32, 40]), (1, [40, 32])])
func `a Gemm of either orientation becomes a product and a sum`(transB: Int, sizes: [Int]) throws {
    let made = try Quantizing(
        ONNXBuilder(
            [Node(opType: "Gemm", inputs: ["x", "w", "c"], int: ["transB": Int64(transB)])],
            [try weight("w", sizes), try weight("c", [40], seed: 6)], x: [-1, 32]))
    #expect(made.operators == ["DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul", "Add"])
    #expect(made.after.model.initializers.first { $0.name == "w_quantized" }?.sizes == [32, 40])
    let (before, after) = try made.outputs()
    expectClose(after, before, within: 0.08)
}

@Test func `a weight that is transposed by a node needs the node no longer`() throws {
    let made = try Quantizing(
        ONNXBuilder(
            [
                Node(opType: "Transpose", inputs: ["w"], outputs: ["t"], ints: ["perm": [1, 0]]),
                Node(opType: "Identity", inputs: ["t"], outputs: ["i"]),
                Node(opType: "MatMul", inputs: ["x", "i"]),
            ], [try weight("w", [40, 32])], x: [-1, 32]))
    #expect(made.operators == ["DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul"])
    let (before, after) = try made.outputs()
    expectClose(after, before, within: 0.08)
}

// MARK: Tables

@Test func `a table of embeddings is one of integers with a scale for each row`() throws {
    var builder = ONNXBuilder(
        [Node(opType: "Gather", inputs: ["w", "x"])], [try weight("w", [50, 24])], x: [-1, 3])
    builder.inputs[0].type = 7
    let made = try Quantizing(builder)
    #expect(made.operators == ["Gather", "Cast", "Gather", "Mul"])
    #expect(made.after.isQuantized)
    let (before, after) = try made.outputs(try Tensor([0, 7, 49, 3, 3, 21] as [Int64], Shape([2, 3])))
    #expect(after.shape.dimensions == [2, 3, 24])
    expectClose(after, before, within: 0.005)
}

@Test func `a table that a head shares is held once`() throws {
    var builder = ONNXBuilder(
        [
            Node(opType: "Gather", inputs: ["w", "x"], outputs: ["e"]),
            Node(opType: "Transpose", inputs: ["w"], outputs: ["t"]),
            Node(opType: "MatMul", inputs: ["e", "t"]),
        ], [try weight("w", [50, 24])], x: [-1, 3])
    builder.inputs[0].type = 7
    let made = try Quantizing(builder)
    #expect(
        made.operators == [
            "Gather", "Cast", "Gather", "Mul", "DynamicQuantizeLinear", "Transpose", "MatMulInteger", "Cast", "Mul",
            "Mul",
        ])
    #expect(made.after.model.initializers.map(\.dataType) == [3, 1, 1])
    let (before, after) = try made.outputs(try Tensor([0, 7, 49, 3, 3, 21] as [Int64], Shape([2, 3])))
    expectClose(after, before, within: 0.08)
}

// MARK: What stays

@Test func `a weight that integers do not serve stays, with the reason, and the file keeps its bytes`() throws {
    let x: [Int64] = [-1, 32]
    let product = Node(opType: "MatMul", inputs: ["x", "w"])
    var old = ONNXBuilder([product], [try weight("w", [32, 40])], x: x)
    old.opset = 10
    let cases: [(ONNXBuilder, String)] = [
        (old, "the file has opset 10, and products of integers need 11"),
        (ONNXBuilder([product], [try weight("w", [32, 2])], x: x), "as integers it would not be smaller"),
        (
            ONNXBuilder([Node(opType: "Add", inputs: ["x", "w"])], [try weight("w", [40, 32])], x: [40, 32]),
            "node '/Add' (Add) reads it as floats"
        ),
        (
            ONNXBuilder(
                [
                    Node(opType: "MatMul", inputs: ["x", "w"], outputs: ["p"]),
                    Node(opType: "Transpose", inputs: ["w"], outputs: ["t"]),
                    Node(opType: "MatMul", inputs: ["p", "t"]),
                ], [try weight("w", [32, 40])], x: x), "it is read in both orientations"
        ),
        (
            ONNXBuilder([Node(opType: "MatMul", inputs: ["x", "w"])], [try weight("w", [2, 32, 40])], x: [2, 3, 32]),
            "it has 3 axes and is no matrix"
        ),
        (
            ONNXBuilder([Node(opType: "MatMul", inputs: ["w", "x"])], [try weight("w", [40, 32])], x: [32, 6]),
            "node '/MatMul' (MatMul) reads it as floats"
        ),
    ]
    for (builder, reason) in cases {
        let folder = try Folder()
        let path = try folder.write(builder.bytes)
        let document = try ONNXDocument(path)
        let quantization = DynamicQuantization(document)
        #expect(quantization.weights.map(\.reason) == [reason])
        try document.write(quantization.edit, to: folder.path + "/after.onnx")
        #expect(try contents(folder.path + "/after.onnx") == builder.bytes)
    }
}

@Test func `a trained network is a quarter of its size and answers alike`() throws {
    let made = try Quantizing(Fixture.digitsMLP)
    #expect(made.reasons == [nil, nil, nil])
    let ints = made.after.model.initializers.filter { $0.dataType == 3 }.reduce(0) { $0 + ($1.raw?.count ?? 0) }
    #expect(ints == made.quantization.weights.reduce(0) { $0 + $1.elements })
    let (before, after) = try made.outputs(batch: 1)
    expectClose(after, before, within: 0.3)
}
