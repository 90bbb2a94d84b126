import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// The fixtures of quantized operators, which `Tests/EndToEnd/make_quantized.py` writes with the outputs of ONNX Runtime.
enum Quantized {
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: Fixture.path("quantized"))) ?? []
        return files.map { String($0.dropLast(".onnx".count)) }.sorted()
    }()

    static let numbers = Result { try NPZ.read(MappedFile(Fixture.path("quantized.npz"))).arrays }

    static func path(_ name: String) -> String { Fixture.path("quantized/\(name).onnx") }
}

@Test(arguments: Quantized.names)
private func `a quantized network computes what ONNX Runtime computes`(name: String) throws {
    let arrays = try Quantized.numbers.get()
    let x = try #require(arrays["\(name)/in/x"]?.tensor)
    let document = try ONNXDocument(Quantized.path(name), readsQuantized: true)
    #expect(document.isQuantized)
    let computed = try outputs(of: document.lower(batch: x.shape[0]), on: ["x": x])
    expectClose(try #require(computed["y"]), try #require(arrays["\(name)/out/y"]?.tensor))
}

@Test(arguments: Quantized.names)
private func `a quantized network is refused where it is not asked for`(name: String) throws {
    let refusal = failure { _ = try ONNXDocument(Quantized.path(name)) }
    #expect(refusal?.code == "quantized_model")
}

@Test func `a weight that is dequantized counts as a parameter and is not trained`() throws {
    let graph = try ONNXDocument(Quantized.path("weight_int8"), readsQuantized: true).lower(batch: 4)
    #expect(graph.parameterCount == 48)
    #expect(graph.parameters.allSatisfy { !$0.isTrainable })
}

/// A node on quantized values that cannot be run, over `x` `[2, 4]`.
private struct RefusedQuantization: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: String
    let text: String
    let bytes: [UInt8]

    init(
        _ what: String, _ text: String, code: String = "invalid_onnx", _ opType: String, domain: String = "",
        _ inputs: [String], int: [String: Int64] = [:], _ weights: [ONNXBuilder.Weight]
    ) {
        (testDescription, self.code, self.text) = (what, code, text)
        bytes =
            ONNXBuilder([ONNXBuilder.Node(opType: opType, inputs: inputs, int: int, domain: domain)], weights).bytes
    }
}

private func narrow(_ name: String, _ sizes: [Int64], type: Int64 = 2, bytes: Int? = nil) -> ONNXBuilder.Weight {
    let count = bytes ?? Int(sizes.reduce(1, *))
    return ONNXBuilder.Weight(name: name, sizes: sizes, type: type, raw: [UInt8](repeating: 0x7F, count: count))
}

private let blocks: [String: Int64] = ["N": 2, "K": 4, "bits": 4, "block_size": 16]

private let cases: [RefusedQuantization] = [
    RefusedQuantization(
        "an operator that is not known", "(QLinearMatMul, opset 17)", code: "unsupported_operator", "QLinearMatMul",
        ["x", "s", "z"], [.floats("s", []), narrow("z", [])]),
    RefusedQuantization(
        "a zero point that is computed", " with a computed zero point", code: "unsupported_operator", "QuantizeLinear",
        ["x", "s", "x"], [.floats("s", [])]),
    RefusedQuantization(
        "a type without integers", " to type 17", code: "unsupported_operator", "QuantizeLinear", ["x", "s"],
        int: ["output_dtype": 17], [.floats("s", [])]),
    RefusedQuantization(
        "scales of another axis", ": scales or zero points of shape [3] for a value of shape [2, 4], axis 1",
        "QuantizeLinear", ["x", "s", "z"], [.floats("s", [3]), narrow("z", [3])]),
    RefusedQuantization(
        "an axis that is not there", ": axis 7 of a value of shape [2, 4]", "DequantizeLinear", ["x", "s"],
        int: ["axis": 7], [.floats("s", [4])]),
    RefusedQuantization(
        "blocks of less than nothing", ": blocks of -1", "DequantizeLinear", ["x", "s"], int: ["block_size": -1],
        [.floats("s", [4])]),
    RefusedQuantization(
        "computed values in blocks", " of computed values in blocks", code: "unsupported_operator",
        "DequantizeLinear", ["x", "s"], int: ["block_size": 2], [.floats("s", [2, 2])]),
    RefusedQuantization(
        "a vector of integers", ": shapes [2, 4] and [4] are not matrices", "MatMulInteger", ["x", "w"],
        [narrow("w", [4])]),
    RefusedQuantization(
        "a weight of other sizes", ": a weight of shape [2, 1, 7] and scales of shape [2] for N of 2, K of 4",
        "MatMulNBits", domain: "com.microsoft", ["x", "w", "s"], int: blocks,
        [narrow("w", [2, 1, 7]), .floats("s", [2])]),
    RefusedQuantization(
        "a size that overflows", ": N of 9223372036854775807 and K of 4 are too large", "MatMulNBits",
        domain: "com.microsoft", ["x", "w", "s"], int: blocks.merging(["N": .max]) { $1 },
        [narrow("w", [2, 1, 8]), .floats("s", [2])]),
    RefusedQuantization(
        "a K beyond any memory", ": N of 2, K of 9223372036854775807 and blocks of 16", "MatMulNBits",
        domain: "com.microsoft", ["x", "w", "s"], int: blocks.merging(["K": .max]) { $1 },
        [narrow("w", [2, 1, 8]), .floats("s", [2])]),
    RefusedQuantization(
        "bits that do not fill a byte", " of 3 bits", code: "unsupported_operator", "MatMulNBits",
        domain: "com.microsoft", ["x", "w", "s"], int: blocks.merging(["bits": 3]) { $1 },
        [narrow("w", [2, 1, 8]), .floats("s", [2])]),
    RefusedQuantization(
        "a weight of floats", " with a weight that is not packed in bytes", code: "unsupported_operator",
        "MatMulNBits", domain: "com.microsoft", ["x", "w", "s"], int: blocks,
        [.floats("w", [2, 1, 8], .nan), .floats("s", [2])]),
    RefusedQuantization(
        "a column of no block", ": g_idx of shape [4]", "MatMulNBits", domain: "com.microsoft",
        ["x", "w", "s", "", "g"], int: blocks,
        [narrow("w", [2, 1, 8]), .floats("s", [2]), .integers("g", [0, 0, 0, 1])]),
    RefusedQuantization(
        "zero points of other sizes", ": zero points of shape [3] for N of 2 and 1 blocks", "MatMulNBits",
        domain: "com.microsoft", ["x", "w", "s", "z"], int: blocks,
        [narrow("w", [2, 1, 8]), .floats("s", [2]), narrow("z", [3])]),
    RefusedQuantization(
        "bytes that are not there", "tensor 'w' of shape [3] needs 2 bytes and has 1", "MatMulInteger", ["x", "w"],
        [narrow("w", [3], type: 22, bytes: 1)]),
]

@Test(arguments: cases)
private func `a quantized node that cannot be run says why`(refused: RefusedQuantization) throws {
    let folder = try Folder()
    let refusal = try #require(
        failure { _ = try ONNXDocument(folder.write(refused.bytes), readsQuantized: true).lower(batch: 2) })
    #expect(refusal.code == refused.code)
    #expect(refusal.text.contains(refused.text), "\(refusal.text)")
}

@Test func `integers of four bits have their sign`() throws {
    let folder = try Folder()
    for (type, expected) in [(Int64(21), [Float(15), 7, 8]), (22, [-1, 7, -8])] {
        let weight = ONNXBuilder.Weight(name: "w", sizes: [3], type: type, raw: [0x7F, 0x08])
        let draft = ONNXBuilder(
            [ONNXBuilder.Node(opType: "DequantizeLinear", inputs: ["w", "s"])], [weight, .floats("s", [], 1)])
        let document = try ONNXDocument(folder.write(draft.bytes), readsQuantized: true)
        #expect(document.weights["w"]?.floats == expected)
    }
}
