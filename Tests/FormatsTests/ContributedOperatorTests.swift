import Compute
import Model
import Testing

@testable import Formats

/// A node that cannot be run, over `x` of batch 2.
private struct Refused: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: String
    let text: String
    let bytes: [UInt8]

    init(
        _ what: String, _ text: String, code: String = "invalid_onnx", _ opType: String,
        domain: String = "com.microsoft",
        _ inputs: [String], ints: [String: [Int64]] = [:], int: [String: Int64] = [:], strings: [String: String] = [:],
        _ weights: [ONNXBuilder.Weight] = [], x: [Int64]
    ) {
        let node = ONNXBuilder.Node(
            opType: opType, inputs: inputs, ints: ints, int: int, strings: strings, domain: domain)
        let name = "'/\(opType)' (\(domain.isEmpty ? "" : domain + ".")\(opType), opset 17)"
        let isUnsupported = code == "unsupported_operator"
        (testDescription, self.code) = (what, code)
        self.text = (isUnsupported ? "the model uses what cannot be run: " : "node ") + name + text
        bytes = ONNXBuilder([node], weights, x: x).bytes
    }
}

private let sequence: [Int64] = [-1, 3, 4]
private let packed: [ONNXBuilder.Weight] = [.floats("w", [4, 12]), .floats("b", [12])]
private let tables: [ONNXBuilder.Weight] = [
    .integers("i", [0, 1, 2, 0, 1, 2], [2, 3]), .floats("t", [5, 4]), .floats("g", [4]), .integers("m", [1, 1]),
]
private let embedding = ["i", "", "t", "t", "", "g", "g"]
private let image: [Int64] = [-1, 1, 3, 3]

private let cases: [Refused] = [
    // Activations.
    Refused(
        "an unknown activation", " with the activation 'Gelu': export without the optimizer's fusions",
        code: "unsupported_operator", "FusedGemm", ["x", "w"], strings: ["activation": "Gelu"],
        [.floats("w", [4, 2])], x: [-1, 4]),
    Refused(
        "no activation", " with the activation '': export without the optimizer's fusions",
        code: "unsupported_operator", "FusedGemm", ["x", "w"], [.floats("w", [4, 2])], x: [-1, 4]),
    Refused(
        "a product of vectors", ": shapes [2, 4] and [4] are not two matrices", "FusedGemm", ["x", "w"],
        [.floats("w", [4])], x: [-1, 4]),
    Refused(
        "a clip without bounds", ": it clips to []", "FusedConv", ["x", "w"], strings: ["activation": "Clip"],
        [.floats("w", [2, 1, 1, 1])], x: image),
    Refused(
        "an addend of another shape", ": [2] is added to a value of shape [2, 2, 3, 3]", "FusedConv",
        ["x", "w", "", "z"], strings: ["activation": "Relu"], [.floats("w", [2, 1, 1, 1]), .floats("z", [2])],
        x: image),
    // Attention.
    Refused(
        "no heads", ": it has 0 heads", "Attention", ["x", "w", "b"], packed, x: sequence),
    Refused(
        "heads below zero", ": it has -9223372036854775808 heads", "Attention", ["x", "w", "b"],
        int: ["num_heads": .min], packed, x: sequence),
    Refused(
        "heads that do not come out", ": 12 columns are not queries, keys and values of 3 heads", "Attention",
        ["x", "w", "b"], int: ["num_heads": 3], packed, x: sequence),
    Refused(
        "widths whose sum overflows", ": 12 columns are not queries, keys and values of 1 heads", "Attention",
        ["x", "w", "b"], ints: ["qkv_hidden_sizes": [.max, .max, 14]], int: ["num_heads": 1], packed, x: sequence),
    Refused(
        "a weight of other rows", ": a value of shape [2, 3, 5] and a weight of shape [4, 12]", "Attention",
        ["x", "w", "b"], int: ["num_heads": 2], packed, x: [-1, 3, 5]),
    Refused(
        "a mask of another length", ": a mask of shape [2, 4] for scores of shape [2, 2, 3, 3]", "Attention",
        ["x", "w", "b", "m"], int: ["num_heads": 2],
        packed + [.integers("m", [Int64](repeating: 1, count: 8), [2, 4])],
        x: sequence),
    Refused(
        "a mask of fewer positions in all", ": a mask of shape [2, 1, 2, 2] for scores of shape [2, 2, 3, 3]",
        "Attention", ["x", "w", "b", "m"], int: ["num_heads": 2],
        packed + [.integers("m", [Int64](repeating: 1, count: 8), [2, 1, 2, 2])], x: sequence),
    Refused(
        "a bias of the scores of another length",
        ": broadcast: shapes [2, 2, 3, 3] and [1, 2, 3, 4] do not fit", "Attention",
        ["x", "w", "b", "", "", "a"], int: ["num_heads": 2], packed + [.floats("a", [1, 2, 3, 4])], x: sequence),
    Refused(
        "a bias that stretches the scores", ": a mask of shape [4, 2, 3, 3] for scores of shape [1, 2, 3, 3]",
        "Attention", ["v", "w", "b", "", "", "a"], int: ["num_heads": 2],
        packed + [.floats("v", [1, 3, 4]), .floats("a", [4, 2, 3, 3])], x: sequence),
    Refused(
        "a past of other heads", ": its past of shape [2, 2, 3, 1, 2] does not fit 2 heads of [4, 4, 4]", "Attention",
        ["x", "w", "b", "", "p"], int: ["num_heads": 2], packed + [.floats("p", [2, 2, 3, 1, 2])], x: sequence),
    Refused(
        "a rotation", " with do_rotary: export without the optimizer's fusions", code: "unsupported_operator",
        "Attention", ["x", "w", "b"], int: ["num_heads": 2, "do_rotary": 1], packed, x: sequence),
    Refused(
        "a shared cache", " with keys and values written in place: export without a shared buffer",
        code: "unsupported_operator", "Attention", ["x", "w", "b"],
        int: ["num_heads": 2, "past_present_share_buffer": 1], packed, x: sequence),
    Refused(
        "later keys without number", ": a mask of 8193 by 8193 is too large", code: "file_too_large", "Attention",
        ["x", "w", "b"], int: ["num_heads": 2, "unidirectional": 1], packed, x: [-1, 8193, 4]),
    Refused(
        "ends of keys without number", ": a mask of 67108865 keys is too large", code: "file_too_large",
        "MultiHeadAttention", ["q", "x", "x", "", "m"], int: ["num_heads": 2],
        [.floats("q", [2, 1, 4]), .integers("m", [1, 1])], x: [-1, 1 << 26 + 1, 4]),
    Refused(
        "packed operands", " with packed queries, keys or values: export without the optimizer's fusions",
        code: "unsupported_operator", "MultiHeadAttention", ["x"], int: ["num_heads": 2], x: [-1, 3, 2, 3, 2]),
    Refused(
        "a bias that is too short", ": its bias of shape [11] is too short", "MultiHeadAttention",
        ["x", "x", "x", "b"], int: ["num_heads": 2], [.floats("b", [11])], x: sequence),
    Refused(
        "a bias that is too long", ": its bias does not fit", "MultiHeadAttention",
        ["x", "x", "x", "b"], int: ["num_heads": 2], [.floats("b", [13])], x: sequence),
    Refused(
        "queries later than all keys", " with unidirectional and 5 keys for 3 queries", code: "unsupported_operator",
        "MultiHeadAttention", ["x", "k", "k"], int: ["num_heads": 2, "unidirectional": 1], [.floats("k", [2, 5, 4])],
        x: sequence),
    Refused(
        "keys of other heads", ": operand 1 of shape [2, 3, 5, 2] has not 2 heads", "MultiHeadAttention",
        ["x", "k", "k"], int: ["num_heads": 2], [.floats("k", [2, 3, 5, 2])], x: sequence),
    // Embeddings.
    Refused(
        "words in no sequence", ": words of shape [2] are not sequences", "EmbedLayerNormalization",
        ["m", "", "t", "t", "", "g", "g"], tables, x: sequence),
    Refused(
        "more positions than embeddings", ": 3 positions; it has embeddings of 2", "EmbedLayerNormalization",
        ["i", "", "t", "p", "", "g", "g"], tables + [.floats("p", [2, 4])], x: sequence),
    Refused(
        "a table of other rows", ": operand 3 of shape [5, 3] is not a table of rows of 4", "EmbedLayerNormalization",
        ["i", "", "t", "p", "", "g", "g"], tables + [.floats("p", [5, 3])], x: sequence),
    Refused(
        "a mask of other samples", ": positions of shape [2] for words of shape [2, 3]", "EmbedLayerNormalization",
        embedding + ["", "m"], tables, x: sequence),
    // Rotations.
    Refused(
        "positions without number", ": 16777217 positions; at most 16777216 can be run", code: "file_too_large",
        "RotaryEmbedding", ["x", "p", "c", "c"], [.integers("p", [0]), .floats("c", [9, 2])],
        x: [-1, 1 << 24 + 1, 4]),
    Refused(
        "positions of other samples", ": positions of shape [2, 2] for 2 samples of 3", "RotaryEmbedding",
        ["x", "p", "c", "c"], [.integers("p", [0, 1, 0, 1], [2, 2]), .floats("c", [9, 2])], x: sequence),
    Refused(
        "no angles", ": angles of shape [9, 0]", "RotaryEmbedding", ["x", "p", "c", "c"],
        [.integers("p", [0]), .floats("c", [9, 0])], x: sequence),
    Refused(
        "packed batches", " with packed batches", code: "unsupported_operator", "RotaryEmbedding",
        ["x", "p", "c", "c"], int: ["is_packed_batching": 1], [.integers("p", [0]), .floats("c", [9, 2])], x: sequence),
    // Images.
    Refused(
        "a grid of other samples", ": a grid of shape [3, 1, 1, 2] for a value of shape [2, 1, 3, 3]", "GridSample",
        domain: "", ["x", "g"], [.floats("g", [3, 1, 1, 2])], x: image),
    Refused(
        "an axis without number", ": a grid of shape [2, 1, 1, 2] for a value of shape [2, 1, 1, 16777217]",
        "GridSample", domain: "", ["x", "g"], [.floats("g", [2, 1, 1, 2])], x: [-1, 1, 1, 1 << 24 + 1]),
    Refused(
        "four spatial axes", " over a value of shape [2, 1, 1, 1, 1, 1]: 1 to 3 spatial axes can be run",
        code: "unsupported_operator", "GridSample", domain: "", ["x", "g"], [.floats("g", [2, 1, 1, 1, 1, 4])],
        x: [-1, 1, 1, 1, 1, 1]),
    Refused(
        "cubes by cubic curves", " of mode cubic over 3 spatial axes: 1 or 2 can be run",
        code: "unsupported_operator", "GridSample", domain: "", ["x", "g"], strings: ["mode": "cubic"],
        [.floats("g", [2, 1, 1, 1, 3])], x: [-1, 1, 3, 3, 3]),
    Refused(
        "a mode that is none", ": 'sharp' is not a mode or 'zeros' is not a padding", "GridSample", domain: "",
        ["x", "g"], strings: ["mode": "sharp"], [.floats("g", [2, 1, 1, 2])], x: image),
    Refused(
        "samples by the data",
        " with a number of samples that depends on the data: export with a sampling_ratio above 0",
        code: "unsupported_operator", "RoiAlign", domain: "", ["x", "r", "m"],
        [.floats("r", [2, 4]), .integers("m", [0, 1])], x: image),
    Refused(
        "samples without number", ": 32769 samples in each of 2 by 1 parts", "RoiAlign", domain: "", ["x", "r", "m"],
        int: ["sampling_ratio": 32769, "output_height": 2], [.floats("r", [2, 4]), .integers("m", [0, 1])], x: image),
    Refused(
        "parts below zero", ": 2 samples in each of -9223372036854775808 by 1 parts", "RoiAlign", domain: "",
        ["x", "r", "m"], int: ["sampling_ratio": 2, "output_height": .min],
        [.floats("r", [2, 4]), .integers("m", [0, 1])], x: image),
    Refused(
        "the largest number of samples", ": 9223372036854775807 samples in each of 1 by 1 parts", "RoiAlign",
        domain: "", ["x", "r", "m"], int: ["sampling_ratio": .max],
        [.floats("r", [2, 4]), .integers("m", [0, 1])], x: image),
    Refused(
        "columns without number", ": regions of shape [2, 4] of a value of shape [2, 1, 1, 16777217]", "RoiAlign",
        domain: "", ["x", "r", "m"], int: ["sampling_ratio": 1], [.floats("r", [2, 4]), .integers("m", [0, 1])],
        x: [-1, 1, 1, 1 << 24 + 1]),
    // Indices.
    Refused(
        "places that depend on the data", " whose number of results depends on the data", code: "unsupported_operator",
        "NonZero", domain: "", ["x"], x: [-1, 4]),
    Refused(
        "places that depend on a weight", " whose number of results depends on the data", code: "unsupported_operator",
        "NonZero", domain: "", ["w"], [.floats("w", [3])], x: [-1, 4]),
    Refused(
        "a number without axes", ": a value without axes has no indices", "NonZero", domain: "", ["w"],
        [.integers("w", [1], [])], x: [-1, 4]),
]

@Test(arguments: cases)
private func `a fused or sampling node that does not fit is refused with what is wrong`(refused: Refused) throws {
    let folder = try Folder()
    let refusal = failure { _ = try ONNXDocument(folder.write(refused.bytes)).lower(batch: 2) }
    #expect(refusal?.code == refused.code)
    #expect(refusal?.text == refused.text)
}

@Test func `a search of more elements than are allowed is refused`() throws {
    let folder = try Folder()
    let draft = ONNXBuilder(
        [
            .init(opType: "ConstantOfShape", inputs: ["s"], outputs: ["c"]),
            .init(opType: "NonZero", inputs: ["c"]),
        ], [.integers("s", [1 << 24 + 1])])
    let refusal = failure { _ = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2) }
    #expect(refusal?.code == "file_too_large")
    #expect(refusal?.text == "node '/NonZero' (NonZero, opset 17): a value of shape [16777217] is too large")
}

/// ONNX Runtime has no kernel for it on a CPU.
@Test func `a mask of all positions masks as the part of it that the queries and keys see`() throws {
    let folder = try Folder()
    let seen: [Int64] = [1, 0, 0, 1, 1, 0, 0, 1, 1]
    let whole: [Int64] = [1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1]
    func computed(_ mask: ONNXBuilder.Weight) throws -> [Float] {
        var draft = ONNXBuilder(
            [
                .init(
                    opType: "Attention", inputs: ["x", "w", "", "m"], int: ["num_heads": 2],
                    domain: "com.microsoft")
            ], [.floats("w", [4, 12]), mask], x: sequence)
        draft.opset = 17
        let graph = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2)
        let x = try Tensor((0..<24).map { Float($0 % 7) - 3 }, Shape([2, 3, 4]))
        return try #require(outputs(of: graph, on: ["x": x])["y"]).floats
    }
    let part = try computed(.integers("m", seen + seen, [2, 3, 3]))
    #expect(try computed(.integers("m", whole + whole, [2, 1, 4, 4])) == part)
    #expect(try computed(.integers("m", [Int64](repeating: 1, count: 18), [2, 3, 3])) != part)
}
