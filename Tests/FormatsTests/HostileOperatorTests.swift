import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// A node that cannot be run, over `x [2, 4]` unless the case gives another shape.
private struct Refused: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: String
    let text: String
    let bytes: [UInt8]

    init(
        _ what: String, _ text: String, code: String = "invalid_onnx", _ node: ONNXBuilder.Node,
        _ weights: [ONNXBuilder.Weight] = [],
        x: [Int64] = [-1, 4], type: Int64 = 1
    ) {
        var draft = ONNXBuilder([node], weights, x: x)
        draft.inputs[0].type = type
        (testDescription, self.code, self.text, bytes) = (what, code, text, draft.bytes)
    }
}

private func node(
    _ opType: String, _ inputs: [String] = ["x"], ints: [String: [Int64]] = [:], int: [String: Int64] = [:],
    strings: [String: String] = [:]
) -> ONNXBuilder.Node {
    ONNXBuilder.Node(opType: opType, inputs: inputs, ints: ints, int: int, strings: strings)
}

private let image: [Int64] = [-1, 3, 5, 5]
private let kernel = ONNXBuilder.Weight.floats("w", [4, 3, 3, 3])

private func node(_ opType: String, _ what: String) -> String { "node '/\(opType)' (\(opType), opset 17)\(what)" }

private let cases: [Refused] = [
    // Operands.
    Refused("no operands", node("Relu", " has no operand 0"), node("Relu", [])),
    Refused("an operand left out", node("Add", " has no operand 1"), node("Add", ["x", ""])),
    Refused("one operand", node("PRelu", " has no operand 1"), node("PRelu")),
    Refused("no weight", node("Conv", " has no operand 1"), node("Conv"), x: image),
    Refused(
        "too few statistics", node("BatchNormalization", " has no operand 3"),
        node("BatchNormalization", ["x", "w", "w"]),
        [.floats("w", [4])]),
    Refused(
        "no results", node("Relu", " computes nothing"),
        ONNXBuilder.Node(opType: "Relu", inputs: ["x"], outputs: ["", "y"])),
    Refused(
        "a further result",
        "the model uses what cannot be run: '/Relu' (Relu, opset 17) with its further result 'y'",
        code: "unsupported_operator", ONNXBuilder.Node(opType: "Relu", inputs: ["x"], outputs: ["z", "y"])),
    Refused(
        "windows without number", node("MaxPool", ": there are too many windows to tell where each is the largest"),
        code: "file_too_large",
        ONNXBuilder.Node(
            opType: "MaxPool", inputs: ["x"], outputs: ["z", "y"],
            ints: ["kernel_shape": [2, 2], "dilations": [1, 1]]), x: [-1, 3, 2050, 2050]),
    // Axes.
    Refused(
        "an axis too many", node("Softmax", ": axis 2 of a value of shape [2, 4]"), node("Softmax", int: ["axis": 2])),
    Refused(
        "an axis too few", node("Softmax", ": axis -3 of a value of shape [2, 4]"), node("Softmax", int: ["axis": -3])),
    Refused(
        "the lowest axis", node("Softmax", ": axis -9223372036854775808 of a value of shape [2, 4]"),
        node("Softmax", int: ["axis": .min])),
    Refused(
        "the lowest axis to flatten", node("Flatten", ": axis -9223372036854775808 of a value of shape [2, 4]"),
        node("Flatten", int: ["axis": .min])),
    Refused(
        "the highest axis to flatten", node("Flatten", ": axis 9223372036854775807 of a value of shape [2, 4]"),
        node("Flatten", int: ["axis": .max])),
    Refused(
        "an axis to reduce", node("ReduceMean", ": axis 5 of a value of shape [2, 4]"),
        node("ReduceMean", ints: ["axes": [0, 5]])),
    Refused("no axis to join on", node("Concat", ": it does not say on which axis"), node("Concat", ["x", "x"])),
    Refused(
        "an axis to join on", node("Concat", ": axis 2 of a value of shape [2, 4]"),
        node("Concat", ["x", "x"], int: ["axis": 2])),
    Refused(
        "axes that come twice", node("Unsqueeze", ": axes [0, 0] of a value of shape [2, 4]"),
        node("Unsqueeze", ["x", "a"]),
        [.integers("a", [0, 0])]),
    Refused(
        "axes out of reach",
        node("Unsqueeze", ": axes [9223372036854775807, -9223372036854775808] of a value of shape [2, 4]"),
        node("Unsqueeze", ["x", "a"]), [.integers("a", [.max, .min])]),
    Refused(
        "too many axes", node("Unsqueeze", ": its result has 13 axes"), node("Unsqueeze", ["x", "a"]),
        [.integers("a", Array(0..<11))]),
    Refused(
        "an axis that is longer", node("Squeeze", ": axis 1 of a value of shape [2, 4] is not 1 long"),
        node("Squeeze", ["x", "a"]), [.integers("a", [-1])]),
    // Permutations.
    Refused(
        "a permutation too short", node("Transpose", ": Transpose: shape [2, 4] cannot be permuted by [0]"),
        node("Transpose", ints: ["perm": [0]])),
    Refused(
        "an axis twice", node("Transpose", ": Transpose: shape [2, 4] cannot be permuted by [1, 1]"),
        node("Transpose", ints: ["perm": [1, 1]])),
    Refused(
        "an axis that is none", node("Transpose", ": Transpose: shape [2, 4] cannot be permuted by [-1, 0]"),
        node("Transpose", ints: ["perm": [-1, 0]])),
    // Windows.
    Refused(
        "groups of none", node("Conv", ": Conv: shapes [2, 3, 5, 5] and [4, 3, 3, 3] do not fit"),
        node("Conv", ["x", "w"], int: ["group": 0]), [kernel], x: image),
    Refused(
        "the highest group", node("Conv", ": Conv: shapes [2, 3, 5, 5] and [4, 3, 3, 3] do not fit"),
        node("Conv", ["x", "w"], int: ["group": .max]), [kernel], x: image),
    Refused(
        "groups below zero", node("Conv", ": Conv: shapes [2, 3, 5, 5] and [4, 3, 3, 3] do not fit"),
        node("Conv", ["x", "w"], int: ["group": .min]), [kernel], x: image),
    Refused(
        "strides of zero",
        node(
            "Conv",
            ": kernel [3, 3], strides [0, 1], dilations [1, 1], pads [0, 0, 0, 0] cannot slide over [2, 3, 5, 5]"),
        node("Conv", ["x", "w"], ints: ["strides": [0, 1]]), [kernel], x: image),
    Refused(
        "dilations of 2^63 - 1",
        node(
            "Conv",
            ": kernel [3, 3], strides [1, 1], dilations [9223372036854775807, 1], pads [0, 0, 0, 0] cannot slide over [2, 3, 5, 5]"
        ),
        node("Conv", ["x", "w"], ints: ["dilations": [.max, 1]]), [kernel], x: image),
    Refused(
        "pads below zero",
        node(
            "Conv",
            ": kernel [3, 3], strides [1, 1], dilations [1, 1], pads [-1, 0, 0, 0] cannot slide over [2, 3, 5, 5]"),
        node("Conv", ["x", "w"], ints: ["pads": [-1, 0, 0, 0]]), [kernel], x: image),
    Refused(
        "too few pads",
        node("Conv", ": kernel [3, 3], strides [1, 1], dilations [1, 1], pads [1] cannot slide over [2, 3, 5, 5]"),
        node("Conv", ["x", "w"], ints: ["pads": [1]]), [kernel], x: image),
    Refused(
        "another kernel than the weight's", node("Conv", ": Conv: shapes [2, 3, 5, 5] and [4, 3, 3, 3] do not fit"),
        node("Conv", ["x", "w"], ints: ["kernel_shape": [2, 2]]), [kernel], x: image),
    Refused(
        "a kernel larger than the input",
        node("MaxPool", ": window: shape [2, 3, 5, 5] is smaller than a kernel of [6, 1]"),
        node("MaxPool", ints: ["kernel_shape": [6, 1]]), x: image),
    Refused("no kernel", node("MaxPool", ": it does not say how large its kernel is"), node("MaxPool"), x: image),
    Refused(
        "a kernel of zero",
        node(
            "AveragePool",
            ": kernel [0, 1], strides [1, 1], dilations [1, 1], pads [0, 0, 0, 0] cannot slide over [2, 3, 5, 5]"),
        node("AveragePool", ints: ["kernel_shape": [0, 1]]), x: image),
    Refused(
        "padding as large as the kernel", node("MaxPool", ": its padding is not smaller than its kernel"),
        node("MaxPool", ints: ["kernel_shape": [2, 2], "pads": [2, 0, 0, 0]]), x: image),
    Refused(
        "nothing to slide over", node("Conv", ": a value of shape [2, 3, 0, 5] has nothing to slide over"),
        node("Conv", ["x", "w"]), [kernel], x: [-1, 3, 0, 5]),
    Refused(
        "four spatial axes",
        "the model uses what cannot be run: '/MaxPool' (MaxPool, opset 17) over a value of shape [2, 1, 2, 2, 2, 2]: "
            + "1 to 3 spatial axes can be run", code: "unsupported_operator",
        node("MaxPool", ints: ["kernel_shape": [1, 1, 1, 1]]), x: [-1, 1, 2, 2, 2, 2]),
    Refused(
        "no spatial axis", node("GlobalAveragePool", ": a value of shape [2, 4] has no spatial axis"),
        node("GlobalAveragePool")),
    // Sizes.
    Refused(
        "a reshape that lies", node("Reshape", ": Reshape: shapes [2, 4] and [3, 3] do not fit"),
        node("Reshape", ["x", "s"]),
        [.integers("s", [3, 3])]),
    Refused(
        "two free sizes", node("Reshape", ": [1, -1] is not a shape: sizes must be at least 0 and their product small"),
        node("Reshape", ["x", "s"]), [.integers("s", [-1, -1])]),
    Refused(
        "a free size that does not come out", node("Reshape", ": a value of shape [2, 4] cannot become [3, -1]"),
        node("Reshape", ["x", "s"]), [.integers("s", [3, -1])]),
    Refused(
        "a free size beside zero", node("Reshape", ": a value of shape [2, 0] cannot become [-1, 0]"),
        node("Reshape", ["x", "s"]), [.integers("s", [-1, 0])], x: [2, 0]),
    Refused(
        "a size to keep that is not there", node("Reshape", ": size 2 of [2, 4] is not there to be kept"),
        node("Reshape", ["x", "s"]), [.integers("s", [2, 4, 0])]),
    Refused(
        "the lowest size",
        node("Reshape", ": [-9223372036854775808, 1] is not a shape: sizes must be at least 0 and their product small"),
        node("Reshape", ["x", "s"]), [.integers("s", [.min, -1])]),
    Refused(
        "sizes from the data",
        "the model uses what cannot be run: '/Reshape' (Reshape, opset 17) with sizes that depend on the data",
        code: "unsupported_operator", node("Reshape", ["x", "x"])),
    Refused(
        "sizes in a table", node("Reshape", ": operand 1 of shape [1, 2] is not a list"), node("Reshape", ["x", "s"]),
        [.integers("s", [2, 4], [1, 2])]),
    Refused(
        "an expansion beyond memory",
        "node '/Expand' (Expand, opset 17): its result of shape [1099511627776, 2, 4] is too large",
        code: "file_too_large", node("Expand", ["x", "s"]), [.integers("s", [1 << 40, 1, 1])]),
    Refused(
        "an expansion beyond numbers",
        node(
            "Expand", ": [4611686018427387904, 1, 1] is not a shape: sizes must be at least 0 and their product small"),
        node("Expand", ["x", "s"]), [.integers("s", [1 << 62, 1, 1])]),
    Refused(
        "an expansion that does not fit", node("Expand", ": broadcast: shapes [3] and [2, 4] do not fit"),
        node("Expand", ["x", "s"]), [.integers("s", [3])]),
    Refused(
        "parts that differ", node("Concat", ": Concat: shapes [2, 4] and [2, 5] do not fit"),
        node("Concat", ["x", "w"], int: ["axis": 0]), [.floats("w", [2, 5])]),
    Refused(
        "starts without ends", node("Slice", ": starts, ends, axes and steps must have the same length"),
        node("Slice", ["x", "a", "b"]), [.integers("a", [0, 1]), .integers("b", [1])]),
    Refused(
        "a step of zero", node("Slice", ": it steps by zero"), node("Slice", ["x", "a", "b", "c", "d"]),
        [.integers("a", [0]), .integers("b", [4]), .integers("c", [1]), .integers("d", [0])]),
    Refused(
        "sums that do not fit", node("Add", ": broadcast: shapes [2, 4] and [3] do not fit"), node("Add", ["x", "w"]),
        [.floats("w", [3])]),
    Refused(
        "a slope that would stretch the value", node("PRelu", ": PRelu: shapes [2, 4] and [3, 1, 4] do not fit"),
        node("PRelu", ["x", "w"]), [.floats("w", [3, 1, 4])]),
    Refused(
        "matrices that do not fit", node("MatMul", ": MatMul: shapes [2, 4] and [3, 4] do not fit"),
        node("MatMul", ["x", "w"]),
        [.floats("w", [3, 4])]),
    Refused(
        "a scalar to multiply", node("MatMul", ": MatMul: shapes [2, 4] and [] do not fit"),
        node("MatMul", ["x", "w"]), [.floats("w", [])]),
    Refused(
        "a Gemm of vectors", node("Gemm", ": shapes [2, 4] and [4] are not two matrices"), node("Gemm", ["x", "w"]),
        [.floats("w", [4])]),
    Refused(
        "a Gemm whose C is larger", node("Gemm", ": C of shape [3, 2, 5] does not stretch to [2, 5]"),
        node("Gemm", ["x", "w", "c"]), [.floats("w", [4, 5]), .floats("c", [3, 2, 5])]),
    Refused(
        "statistics of other channels",
        node("BatchNormalization", ": BatchNormalization: shapes [2, 4] and [3] do not fit"),
        node("BatchNormalization", ["x", "w", "w", "w", "w"]), [.floats("w", [3])]),
    Refused(
        "statistics of the batch",
        "the model uses what cannot be run: '/BatchNormalization' (BatchNormalization, opset 17) in training mode: export after model.eval()",
        code: "unsupported_operator", node("BatchNormalization", ["x", "w", "w", "w", "w"], int: ["training_mode": 1]),
        [.floats("w", [4])]),
    Refused(
        "a fill of many numbers", node("ConstantOfShape", ": it fills with 2 numbers"),
        ONNXBuilder.Node(
            opType: "ConstantOfShape", inputs: ["s"],
            more: Wire.field(
                5,
                Wire.field(1, "value") + Wire.field(5, ONNXBuilder.Weight.integers("v", [1, 2]).bytes)
                    + Wire.field(20, 4))
        ),
        [.integers("s", [2])]),
    // Types.
    Refused(
        "integers", "node '/Relu' (Relu, opset 17) works on int64: only float32 can be run here",
        code: "unsupported_dtype",
        node("Relu"), type: 7),
    Refused(
        "booleans", "node '/Add' (Add, opset 17) works on bool: only float32 can be run here",
        code: "unsupported_dtype",
        node("Add", ["x", "x"]), type: 9),
    Refused(
        "an integer bias", "node '/Gemm' (Gemm, opset 17) works on int64: only float32 can be run here",
        code: "unsupported_dtype", node("Gemm", ["x", "w", "b"]), [.floats("w", [4, 2]), .integers("b", [1, 2])]),
    Refused(
        "types that differ", "node '/Concat' (Concat, opset 17) works on int64: only float32 can be run here",
        code: "unsupported_dtype", node("Concat", ["x", "w"], int: ["axis": 0]),
        [.integers("w", [1, 2, 3, 4], [1, 4])]),
    Refused(
        "a cast to uint8", "the model uses what cannot be run: '/Cast' (Cast, opset 17) to uint8",
        code: "unsupported_operator", node("Cast", int: ["to": 2])),
    Refused(
        "a cast to nothing", "the model uses what cannot be run: '/Cast' (Cast, opset 17) to undefined",
        code: "unsupported_operator", node("Cast")),
    Refused(
        "a cast to the lowest type",
        "the model uses what cannot be run: '/Cast' (Cast, opset 17) to type -9223372036854775808",
        code: "unsupported_operator", node("Cast", int: ["to": .min])),
    Refused(
        "a constant that is none", "the model uses what cannot be run: '/Constant' (Constant, opset 17) of that kind",
        code: "unsupported_operator", node("Constant", [], strings: ["value_string": "a"])),
]

@Test(arguments: cases)
private func `a node that does not fit is refused with what is wrong`(refused: Refused) throws {
    let folder = try Folder()
    let refusal = failure { _ = try ONNXDocument(folder.write(refused.bytes)).lower(batch: 2) }
    #expect(refusal?.code == refused.code)
    #expect(refusal?.text == refused.text)
}

/// The sizes of a reshape are computed from constants.
@Test(
    arguments: [
        ("Add", [1, 2], [1, 2, 3], "broadcast: shapes [2] and [3] do not fit"),
        ("Gather", [1, 2], [2], "index 2 into 2"), ("Gather", [1, 2], [-3], "index -3 into 2"),
        ("Gather", [1, 2], [.min], "index -9223372036854775808 into 2"),
    ] as [(String, [Int64], [Int64], String)])
func `shape arithmetic without a result is refused`(operation: String, left: [Int64], right: [Int64], text: String)
    throws
{
    let folder = try Folder()
    let draft = ONNXBuilder(
        [.init(opType: operation, inputs: ["a", "b"], outputs: ["s"]), .init(opType: "Reshape", inputs: ["x", "s"])],
        [.integers("a", left), .integers("b", right)])
    let refusal = failure { _ = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2) }
    #expect(refusal?.code == "invalid_onnx")
    #expect(refusal?.text == "node '/\(operation)' (\(operation), opset 17): \(text)")
}

/// Integers wrap around and division by zero gives zero, so that the computed sizes do not fit.
@Test(
    arguments: [
        ("Div", [1], [0]), ("Div", [.min], [-1]), ("Add", [.max], [1]), ("Sub", [.min], [1]), ("Mul", [1 << 62], [2]),
        ("Mod", [1], [0]), ("Mod", [.min], [-1]), ("Pow", [.max], [.max]),
    ] as [(String, [Int64], [Int64])])
func `sizes beyond numbers are refused where they are used`(operation: String, left: [Int64], right: [Int64]) throws {
    let folder = try Folder()
    let draft = ONNXBuilder(
        [.init(opType: operation, inputs: ["a", "b"], outputs: ["s"]), .init(opType: "Reshape", inputs: ["x", "s"])],
        [.integers("a", left), .integers("b", right)])
    let refusal = failure { _ = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2) }
    #expect(refusal?.code == "invalid_onnx")
}

@Test(arguments: [(Int64.min, Int64.max), (.max, .min), (-1, .max), (3, 1)])
func `a slice of known sizes may reach as far as it likes`(start: Int64, end: Int64) throws {
    let folder = try Folder()
    let draft = ONNXBuilder(
        [
            .init(opType: "Slice", inputs: ["a", "from", "to"], outputs: ["s"]),
            .init(opType: "Concat", inputs: ["s", "free"], outputs: ["t"], int: ["axis": 0]),
            .init(opType: "Reshape", inputs: ["x", "t"]),
        ], [.integers("a", [2, 1]), .integers("from", [start]), .integers("to", [end]), .integers("free", [-1])])
    let graph = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2)
    #expect(try #require(graph.outputs.first.map { graph.shape($0.value) }).elementCount == 8)
}

@Test func `a batch that an output does not have is refused before it is run`() throws {
    let folder = try Folder()
    let draft = ONNXBuilder([.init(opType: "ReduceMean", inputs: ["x"], int: ["keepdims": 0])])
    let graph = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2)
    #expect {
        _ = try Inference(graph, fetching: graph.outputs.map(\.value))
    } throws: { error in
        "\(error)" == "'y' has no axis of samples: its shape is [], of 2 samples"
    }
}
