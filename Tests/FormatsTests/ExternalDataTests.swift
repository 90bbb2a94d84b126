import Compute
import Foundation
import Testing

@testable import Formats

/// A model with an external weight, in a folder with files that it may or may not read.
private struct Beside {
    let folder: Folder

    init() throws {
        folder = try Folder()
        try FileManager.default.createDirectory(atPath: folder.path + "/models/sub", withIntermediateDirectories: true)
        let floats = [UInt8](repeating: 0x3F, count: 64)
        for name in ["secret", "models/weights", "models/sub/weights", "models/.hidden", "models/linked"] {
            try folder.write(floats, as: name)
        }
        // The bytes of these names are a slash and then an accent, which form one `Character`.
        try folder.write(floats, as: "\u{338}secret")
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder.path + "/models/link", withDestinationPath: "../secret")
        try files.createSymbolicLink(atPath: folder.path + "/models/inner", withDestinationPath: "weights")
        try files.linkItem(atPath: folder.path + "/models/linked", toPath: folder.path + "/models/hard")
        try files.createSymbolicLink(atPath: folder.path + "/models/loop", withDestinationPath: "loop")
    }

    func open(_ entries: [(String, String)], sizes: [Int64] = [4]) -> (code: String, text: String)? {
        let draft = ONNXBuilder([.init(opType: "Add", inputs: ["x", "w"])], [.external("w", sizes, entries)])
        return failure { _ = try ONNXDocument(folder.write(draft.bytes, as: "models/model.onnx")) }
    }
}

@Test(arguments: ["weights", ".hidden"])
func `external data beside the model are read`(location: String) throws {
    #expect(try Beside().open([("location", location), ("offset", "16"), ("length", "16")]) == nil)
    #expect(try Beside().open([("location", location)], sizes: [16]) == nil)
}

@Test(arguments: [
    "../secret", "/etc/passwd", "..", ".", "", "sub/../../secret", "sub/weights", "./weights", "junk/../../secret",
    "..\\secret", "weights\0", "weights\0/../../secret", "../\u{338}secret", "/", "//", "weights/", "a\nb",
])
func `external data elsewhere are refused by their name`(location: String) throws {
    let refusal = try Beside().open([("location", location)])
    #expect(refusal?.code == "invalid_onnx")
    #expect(
        refusal?.text
            == "external data must lie beside the model, not at '\(location)': save the model again with a plain location"
    )
}

@Test(arguments: ["link", "inner", "hard", "linked", "loop", "sub"])
func `external data behind a link are refused`(location: String) throws {
    let refusal = try Beside().open([("location", location)])
    #expect(refusal?.code == "invalid_onnx")
    #expect(refusal?.text == "external data '\(location)' is a link and not a file of its own: put a copy there")
}

@Test func `external data that are not there are named, with how to add them`() throws {
    let refusal = try Beside().open(
        [("location", "mlp.onnx.data"), ("offset", "0"), ("length", "814080")], sizes: [203520])
    #expect(refusal?.code == "missing_external_data")
    #expect(
        refusal?.text
            == "missing external data file 'mlp.onnx.data' (1 tensor, 814,080 bytes): "
            + "add -F model=@mlp.onnx.data, or export with external_data=False")
    // Without a declared length, the shape gives the number of bytes.
    #expect(try Beside().open([("location", "absent")], sizes: [2, 3])?.text.contains("(1 tensor, 24 bytes)") == true)
}

@Test(
    arguments: [
        ("52", nil, "tensor 'w' has 16 bytes from byte 52 on in 'weights', which ends at 64"),
        ("64", "16", "tensor 'w' has 16 bytes from byte 64 on in 'weights', which ends at 64"),
        (
            "9223372036854775807", "16",
            "tensor 'w' has 16 bytes from byte 9223372036854775807 on in 'weights', which ends at 64"
        ),
        ("9223372036854775808", nil, "tensor 'w' has the offset '9223372036854775808'"),
        ("-1", nil, "tensor 'w' has the offset '-1'"),
        ("+0", nil, "tensor 'w' has the offset '+0'"),
        ("", nil, "tensor 'w' has the offset ''"),
        ("0x10", nil, "tensor 'w' has the offset '0x10'"),
        ("0", "12", "tensor 'w' of shape [4] needs 16 bytes and has 12"),
        ("0", "0", "tensor 'w' of shape [4] needs 16 bytes and has 0"),
        (
            "0", "9223372036854775807",
            "tensor 'w' has 9223372036854775807 bytes from byte 0 on in 'weights', which ends at 64"
        ),
    ] as [(String, String?, String)])
func `offsets and lengths that lie are refused`(offset: String, length: String?, text: String) throws {
    let refusal = try Beside().open(
        [("location", "weights"), ("offset", offset)] + (length.map { [("length", $0)] } ?? []))
    #expect(refusal?.code == "invalid_onnx")
    #expect(refusal?.text == text)
}

@Test func `two files whose names are the same characters are not taken for one`() throws {
    let beside = try Beside()
    let weights: [ONNXBuilder.Weight] = [
        .external("v", [4], [("location", "\u{E9}")]), .external("w", [4], [("location", "e\u{301}")]),
    ]
    let nodes: [ONNXBuilder.Node] = [
        .init(opType: "Add", inputs: ["x", "v"], outputs: ["z"]), .init(opType: "Add", inputs: ["z", "w"]),
    ]
    let refusal = failure {
        _ = try ONNXDocument(beside.folder.write(ONNXBuilder(nodes, weights).bytes, as: "models/model.onnx"))
    }
    #expect(refusal?.text == "two names read 'e\u{301}' and differ in their bytes: rename one of them")
}

@Test func `an external tensor of 2^60 bytes is refused without a look at the file`() throws {
    let refusal = try Beside().open([("location", "weights")], sizes: [1 << 30, 1 << 30])
    #expect(refusal?.code == "invalid_onnx")
}

@Test func `a constant inside a node may not lie in another file`() throws {
    let folder = try Folder()
    let tensor = ONNXBuilder.Weight.external("c", [4], [("location", "weights")]).bytes
    let attribute = Wire.field(5, Wire.field(1, "value") + Wire.field(5, tensor) + Wire.field(20, 4))
    let draft = ONNXBuilder([
        .init(opType: "Constant", inputs: [], outputs: ["c"], more: attribute),
        .init(opType: "Add", inputs: ["x", "c"]),
    ])
    let refusal = failure { _ = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2) }
    #expect(refusal?.text == "tensor 'c' may not lie in another file")
}
