import Compute
import Foundation
import Glibc
import Model
import Testing

@testable import Formats

/// Bytes that are rejected, with the code and the text of the error.
private struct Refused: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    let code: String
    let text: String

    init(_ what: String, _ bytes: [UInt8], _ code: String, _ text: String) {
        (testDescription, self.bytes, self.code, self.text) = (what, bytes, code, text)
    }

    init(_ what: String, _ code: String, _ text: String, _ change: (inout ONNXBuilder) -> Void) {
        var draft = ONNXBuilder([.init(opType: "Relu", inputs: ["x"])])
        change(&draft)
        self.init(what, draft.bytes, code, text)
    }
}

private let relu = ONNXBuilder.Node(opType: "Relu", inputs: ["x"])

private let files: [Refused] = [
    Refused("empty", [], "invalid_onnx", "the file is empty"),
    Refused(
        "eight bytes", Array("12345678".utf8), "invalid_onnx",
        "byte 1: the end inside a number: the file is damaged or not ONNX"),
    Refused(
        "zeros", [0, 0, 0, 0, 0, 0, 0, 0], "invalid_onnx",
        "byte 1: a field number of 0: the file is damaged or not ONNX"),
    Refused("no graph", Wire.field(1, 8), "invalid_onnx", "the file holds no graph: it is damaged or not ONNX"),
    Refused(
        "a zip", [0x50, 0x4B, 3, 4, 20, 0], "pickle_rejected",
        "pickle files can run code; export with torch.onnx.export"),
    Refused(
        "a pickle of protocol 2", [0x80, 2, 0x7D, 0x71], "pickle_rejected",
        "pickle files can run code; export with torch.onnx.export"),
    Refused(
        "a pickle of protocol 5", [0x80, 5, 0x95, 0], "pickle_rejected",
        "pickle files can run code; export with torch.onnx.export"),
    Refused(
        "a number without an end", [0x08] + [UInt8](repeating: 0xFF, count: 11), "invalid_onnx",
        "byte 11: a number of more than 64 bits: the file is damaged or not ONNX"),
    Refused(
        "a number of 70 bits", [0x08] + [UInt8](repeating: 0x80, count: 9) + [0x02], "invalid_onnx",
        "byte 11: a number of more than 64 bits: the file is damaged or not ONNX"),
    Refused(
        "a length of 2^63", [0x3A] + [UInt8](repeating: 0xFF, count: 9) + [0x01], "invalid_onnx",
        "byte 11: a field of 18446744073709551615 bytes where 0 are left: the file is damaged or not ONNX"),
    Refused("a group", [0x0B, 0x0C], "invalid_onnx", "byte 1: wire type 3: the file is damaged or not ONNX"),
    Refused(
        "two graphs", ONNXBuilder([relu]).bytes + Wire.field(7, [UInt8]()), "invalid_onnx", "the file has two graphs"),
    Refused(
        "the graph as a number", Wire.field(1, 8) + Wire.field(7, 1), "invalid_onnx",
        "the file holds no graph: it is damaged or not ONNX"),
]

private let documents: [Refused] = [
    Refused(
        "IR 99", "unsupported_opset",
        "the file has IR version 99; 3 to 14 are read: export it anew, or set its ir_version"
    ) { $0.irVersion = 99 },
    Refused(
        "opset 6", "unsupported_opset",
        "the file has opset 6; 7 to 28 are read: convert it with onnx.version_converter, or export it anew with opset_version=17"
    ) { $0.opset = 6 },
    Refused(
        "opset 99", "unsupported_opset",
        "the file has opset 99; 7 to 28 are read: convert it with onnx.version_converter, or export it anew with opset_version=17"
    ) { $0.opset = 99 },
    Refused("no outputs", "invalid_onnx", "the graph has no outputs") { $0.outputs = [] },
    Refused("an output from nowhere", "invalid_onnx", "nothing computes the output 'z'") { $0.outputs = ["z"] },
    Refused(
        "a cycle", "invalid_onnx", "node 0 (Add '/Add') reads 'b', which nothing before it computes"
    ) {
        $0.nodes = [
            .init(opType: "Add", inputs: ["x", "b"], outputs: ["a"]),
            .init(opType: "Relu", inputs: ["a"], outputs: ["b"]),
        ]
    },
    Refused(
        "a node that reads itself", "invalid_onnx", "node 0 (Relu '/Relu') reads 'y', which nothing before it computes"
    ) { $0.nodes = [.init(opType: "Relu", inputs: ["y"])] },
    Refused("a result twice", "invalid_onnx", "'y' is computed twice, again by node 1 (Relu)") {
        $0.nodes += [relu]
    },
    Refused("a result named as an input", "invalid_onnx", "'x' is computed twice, again by node 0 (Relu)") {
        $0.nodes = [.init(opType: "Relu", inputs: ["x"], outputs: ["x"])]
    },
    Refused("a weight twice", "invalid_onnx", "two initializers are named 'w'") {
        $0.weights = [.floats("w", [4]), .floats("w", [4])]
    },
    Refused(
        "a name in two spellings", "invalid_onnx",
        "two names read 'e\u{301}' and differ in their bytes: rename one of them"
    ) {
        $0.nodes = [
            .init(opType: "Relu", inputs: ["x"], outputs: ["\u{E9}"]), .init(opType: "Relu", inputs: ["e\u{301}"]),
        ]
    },
    Refused(
        "two weights of one name in two spellings", "invalid_onnx",
        "two names read '\u{212A}' and differ in their bytes: rename one of them"
    ) { $0.weights = [.floats("K", [4]), .floats("\u{212A}", [4])] },
    Refused(
        "a name in two spellings, one of them in a subgraph", "invalid_onnx",
        "two names read 'e\u{301}' and differ in their bytes: rename one of them"
    ) {
        let graph = Wire.field(12, ONNXBuilder.value("e\u{301}", 1, [4]))
        let branch = Wire.field(5, Wire.field(1, "then_branch") + Wire.field(6, graph) + Wire.field(20, 5))
        $0.nodes = [
            .init(opType: "Relu", inputs: ["x"], outputs: ["\u{E9}"]),
            .init(opType: "If", inputs: ["x"], more: branch),
        ]
    },
    Refused("an input twice", "invalid_onnx", "two inputs are named 'x'") { $0.inputs += [("x", 1, [2])] },
    Refused(
        "an unknown operator", "unsupported_operator",
        "the model uses what cannot be run: '/NonMaxSuppression' (NonMaxSuppression, opset 17), '/TopK' (TopK, opset 17)"
    ) {
        $0.nodes = [
            .init(opType: "NonMaxSuppression", inputs: ["x"]), .init(opType: "TopK", inputs: ["x"], outputs: ["z"]),
        ]
    },
    Refused(
        "an unknown domain", "unsupported_operator",
        "the model uses what cannot be run: '/Relu' (com.example.Relu, opset 17)"
    ) { $0.nodes[0].domain = "com.example" },
    Refused(
        "a random operator", "unsupported_operator",
        "the model uses what cannot be run: '/RandomUniformLike' (RandomUniformLike, opset 17) is random: "
            + "export after model.eval()"
    ) { $0.nodes[0].opType = "RandomUniformLike" },
    Refused(
        "a function of opset 6", "unsupported_opset",
        "function 'Relu' of the file has opset 6; 7 to 28 are read: convert it with onnx.version_converter, or export it anew with opset_version=17"
    ) {
        let version = Wire.field(9, Wire.field(1, "") + Wire.field(2, 6))
        $0.moreOfModel = Wire.field(25, Wire.field(1, "Relu") + version)
    },
    Refused(
        "opset 29", "unsupported_opset",
        "the file has opset 29; 7 to 28 are read: convert it with onnx.version_converter, or export it anew with opset_version=17"
    ) { $0.opset = 29 },
    Refused("a function without results", "invalid_onnx", "value 'y' is read before anything computes it") {
        $0.moreOfModel = Wire.field(25, Wire.field(1, "Relu"))
    },
    Refused(
        "a function that calls itself", "file_too_large",
        "node 'y' (Relu, opset 17) is too deep in other functions"
    ) {
        let body = ONNXBuilder.Node(opType: "Relu", inputs: ["a"], outputs: ["b"])
        let call = Wire.field(7, Wire.field(1, "a") + Wire.field(2, "b") + Wire.field(4, body.opType))
        let function = Wire.field(1, "Relu") + Wire.field(4, "a") + Wire.field(5, "b") + call
        $0.moreOfModel = Wire.field(25, function)
    },
    Refused(
        "a sparse weight", "unsupported_dtype", "the file has sparse initializers: store them dense"
    ) { $0.moreOfGraph = Wire.field(15, [UInt8]()) },
    Refused(
        "quantized", "quantized_model",
        "node '/QLinearConv' (QLinearConv): the model is quantized: compress the float model first, quantize afterwards"
    ) { $0.nodes[0].opType = "QLinearConv" },
    Refused(
        "dynamically quantized", "quantized_model",
        "node '/MatMulInteger' (MatMulInteger): the model is quantized: compress the float model first, quantize afterwards"
    ) { $0.nodes[0].opType = "MatMulInteger" },
    Refused(
        "quantized by blocks", "quantized_model",
        "node '/MatMulNBits' (MatMulNBits): the model is quantized: compress the float model first, quantize afterwards"
    ) { ($0.nodes[0].opType, $0.nodes[0].domain) = ("MatMulNBits", "com.microsoft") },
    Refused(
        "quantized attention", "quantized_model",
        "node '/QAttention' (QAttention): the model is quantized: compress the float model first, quantize afterwards"
    ) { ($0.nodes[0].opType, $0.nodes[0].domain) = ("QAttention", "com.microsoft") },
    Refused(
        "strings that a node reads", "unsupported_operator",
        "the model uses what cannot be run: '/Add' (Add, opset 17), because tensor 'w' holds string: export the model in "
            + "float32"
    ) {
        $0.nodes = [.init(opType: "Add", inputs: ["x", "w"])]
        $0.weights = [.init(name: "w", sizes: [1], type: 8, more: Wire.field(6, "a"))]
    },
    Refused(
        "a type that is none", "unsupported_operator",
        "the model uses what cannot be run: '/Add' (Add, opset 17), because tensor 'w' holds type 99: export the model in "
            + "float32"
    ) {
        $0.nodes = [.init(opType: "Add", inputs: ["x", "w"])]
        $0.weights = [.init(name: "w", sizes: [1], type: 99)]
    },
    Refused(
        "float16 weights of too few bytes", "invalid_onnx",
        "tensor 'w' of shape [2] needs 4 bytes and has 3"
    ) { $0.weights = [.init(name: "w", sizes: [2], type: 10, raw: [0, 0, 0])] },
    Refused(
        "float64 weights without bytes", "invalid_onnx",
        "tensor 'w' of shape [1] does not have as many elements as its shape"
    ) { $0.weights = [.init(name: "w", sizes: [1], type: 11)] },
    Refused(
        "a uint64 input", "unsupported_dtype", "input 'x' is uint64: export the model in float32"
    ) { $0.inputs[0].type = 13 },
    Refused(
        "a uint8 input that is computed on", "unsupported_dtype",
        "input 'x' is uint8, and node 0 (Relu '/Relu') computes on it: cast it to float32 first"
    ) { $0.inputs[0].type = 2 },
    Refused(
        "an input without a shape", "invalid_onnx", "the file does not say which shape input 'x' has"
    ) {
        $0.inputs = []
        $0.moreOfGraph = Wire.field(11, Wire.field(1, "x") + Wire.field(2, Wire.field(1, Wire.field(1, 1))))
    },
    Refused(
        "an open size", "shape_mismatch", "size 'open-2' of input 'x' is open: give data, or export it fixed"
    ) { $0.inputs[0].sizes = [-1, -2] },
    Refused(
        "an input of 2^80 elements", "shape_mismatch",
        "input 'x': [2, 1099511627776, 1099511627776] is not a shape: sizes must be at least 0 and their product small"
    ) { $0.inputs[0].sizes = [-1, 1 << 40, 1 << 40] },
    Refused(
        "an input of 2^50 elements", "shape_mismatch", "input 'x' is too large: [2, 1125899906842624]"
    ) { $0.inputs[0].sizes = [-1, 1 << 50] },
    Refused("an input of many axes", "invalid_onnx", "value 'x' has more than 12 axes") {
        $0.inputs[0].sizes = [Int64](repeating: 1, count: 13)
    },
    Refused("a weight of many axes", "invalid_onnx", "tensor 'w' has 1000000 axes") {
        $0.weights = [.init(name: "w", sizes: [], more: Wire.field(1, [UInt8](repeating: 1, count: 1_000_000)))]
    },
    Refused(
        "a weight of fewer bytes", "invalid_onnx", "tensor 'w' of shape [2, 3] needs 24 bytes and has 20"
    ) { $0.weights = [.init(name: "w", sizes: [2, 3], raw: [UInt8](repeating: 0, count: 20))] },
    Refused(
        "a weight without elements", "invalid_onnx",
        "tensor 'w' of shape [2, 3] does not have as many elements as its shape"
    ) { $0.weights = [.init(name: "w", sizes: [2, 3])] },
    Refused(
        "floats as integers", "invalid_onnx", "tensor 'w' of shape [2] does not have as many elements as its shape"
    ) { $0.weights = [.init(name: "w", sizes: [2], more: Wire.field(7, [1, 2]))] },
    Refused(
        "a size below zero", "invalid_onnx",
        "tensor 'w': [-1] is not a shape: sizes must be at least 0 and their product small"
    ) { $0.weights = [.init(name: "w", sizes: [-1], raw: [])] },
    Refused(
        "a size of 2^31 without the bytes", "invalid_onnx",
        "tensor 'w' of shape [2147483648] needs 8589934592 bytes and has 4"
    ) { $0.weights = [.init(name: "w", sizes: [1 << 31], raw: [0, 0, 0, 0])] },
    Refused(
        "a size of 2^63 - 1", "invalid_onnx",
        "tensor 'w': [9223372036854775807] is not a shape: sizes must be at least 0 and their product small"
    ) { $0.weights = [.init(name: "w", sizes: [.max], raw: [])] },
    Refused(
        "a size of 2^62 beside a zero", "invalid_onnx",
        "tensor 'w': [0, 4611686018427387904] is not a shape: sizes must be at least 0 and their product small"
    ) { $0.weights = [.init(name: "w", sizes: [0, 1 << 62], raw: [])] },
]

@Test(arguments: files + documents)
private func `a model that is not sound is refused with what is wrong`(refused: Refused) throws {
    let folder = try Folder()
    let path = try folder.write(refused.bytes)
    let refusal = failure { _ = try ONNXDocument(path).lower(batch: 2) }
    #expect(refusal?.code == refused.code)
    #expect(refusal?.text == refused.text)
}

@Test func `subgraphs deep in subgraphs are refused`() throws {
    let folder = try Folder()
    var nested: [UInt8] = []
    // An attribute that holds a graph that holds a node that holds an attribute, three thousand times.
    for _ in 0..<3000 { nested = Wire.field(5, Wire.field(1, "body") + Wire.field(6, Wire.field(1, nested))) }
    let draft = ONNXBuilder([.init(opType: "Relu", inputs: ["x"], more: nested)])
    let refusal = failure { _ = try ONNXDocument(folder.write(draft.bytes)) }
    #expect(refusal?.text == "the file has too many graphs in each other")
}

@Test(arguments: [UInt64(1), 5])
func `hundreds of thousands of empty messages are refused before they take memory`(number: UInt64) throws {
    let folder = try Folder()
    var draft = ONNXBuilder([relu])
    for _ in 0...300_000 { draft.moreOfGraph += [UInt8(number << 3 | 2), 0] }
    let refusal = failure { _ = try ONNXDocument(folder.write(draft.bytes)) }
    #expect(refusal?.code == "file_too_large")
    #expect(refusal?.text == "the file has too many nodes, tensors and values")
}

@Test func `unknown fields that lie together take no memory each`() throws {
    let folder = try Folder()
    var draft = ONNXBuilder([relu])
    let field = Wire.field(999, [UInt8]())
    for _ in 0...300_000 { draft.moreOfGraph += field }
    draft.moreOfModel = draft.moreOfGraph
    let document = try ONNXDocument(folder.write(draft.bytes))
    #expect(document.model.modelFields.count + document.model.graphFields.count < 10)
}

@Test func `a thousand unknown operators are listed in one line that can be read`() throws {
    let folder = try Folder()
    let nodes = (0..<1000).map { ONNXBuilder.Node(opType: "Odd", inputs: ["x"], outputs: $0 == 0 ? ["y"] : ["y\($0)"]) }
    let refusal = failure { _ = try ONNXDocument(folder.write(ONNXBuilder(nodes).bytes)).lower(batch: 2) }
    #expect(refusal?.text.hasSuffix("'/Odd' (Odd, opset 17) and 990 more") == true)
    let long = ONNXBuilder([.init(opType: String(repeating: "a", count: 100_000), inputs: ["x"])])
    #expect(failure { _ = try ONNXDocument(folder.write(long.bytes)).lower(batch: 2) }?.text.count == 1003)
    // One `Character` with two thousand accents.
    let accents = ONNXBuilder([.init(opType: "a" + String(repeating: "\u{301}", count: 2000), inputs: ["x"])])
    let text = failure { _ = try ONNXDocument(folder.write(accents.bytes)).lower(batch: 2) }?.text
    #expect(text?.unicodeScalars.count == 1003)
}

@Test func `what is no plain file is not opened`() throws {
    let folder = try Folder()
    try folder.write(ONNXBuilder([relu]).bytes, as: "model.onnx")
    let link = folder.path + "/link.onnx"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "model.onnx")
    #expect(
        failure { _ = try ONNXDocument(link) }?.text == "'\(link)' cannot be read: Too many levels of symbolic links")
    #expect(
        failure { _ = try ONNXDocument(folder.path) }?.text
            == "'\(folder.path)' cannot be read: it is not a regular file")
    let pipe = folder.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(failure { _ = try ONNXDocument(pipe) }?.text == "'\(pipe)' cannot be read: it is not a regular file")
    let absent = folder.path + "/absent"
    #expect(failure { _ = try ONNXDocument(absent) }?.text == "'\(absent)' cannot be read: No such file or directory")
}
