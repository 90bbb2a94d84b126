import Compute
import Foundation
import Model
import Testing

@testable import Formats

@Test(arguments: [
    Fixture.digitsMLP, Fixture.digitsVGG, Fixture.path("layers.onnx"), Fixture.path("unknown-fields.onnx"),
    Fixture.path("shared.onnx"), Fixture.path("inputs-of-weights.onnx"),
])
func `a model that is written as it was read has the same bytes`(path: String) throws {
    let folder = try Folder()
    let copy = folder.path + "/copy.onnx"
    #expect(try ONNXDocument(path).write(ONNXEdit(), to: copy) == [copy])
    #expect(try contents(copy) == contents(path))
}

@Test(arguments: [("digits-mlp", Fixture.digitsMLP), ("digits-vgg", Fixture.digitsVGG)])
func `a trained network computes what PyTorch computed`(name: String, path: String) throws {
    let images = try #require(NPZ.read(MappedFile(Fixture.digits)).arrays["x_test"]).tensor.rows(0..<64)
    let logits = try #require(NPZ.read(MappedFile(Fixture.reference(name))).arrays["logits_test64"]).tensor
    // The last batch is partial.
    let graph = try ONNXDocument(path).lower(batch: 24)
    let inference = try Inference(graph, fetching: graph.outputs.map(\.value))
    let computed = try inference.outputs(for: Dataset(inputs: ["input": images], count: 64))
    expectClose(try #require(computed.first), logits, within: 1e-4)
}

@Test func `lowering remembers where every op and parameter comes from`() throws {
    let graph = try ONNXDocument(Fixture.path("layers.onnx")).lower(batch: 2)
    let ops = graph.nodes.filter { !$0.origin.nodes.isEmpty }
    #expect(ops.map(\.origin.nodes) == [[0], [1], [2]])
    #expect(ops.map(\.scope) == ["fc1", "act", "fc2"])
    #expect(ops.map(\.name) == ["/fc1/Gemm_output_0", "/act/Relu_output_0", "output"])
    #expect(graph.parameters.map(\.name) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
    #expect(graph.parameters.allSatisfy { $0.isTrainable && !$0.isNew })
}

@Test(arguments: [("/fc1/\u{301}act/Relu", "fc1.\u{301}act"), ("/fc\u{600}/fc\u{600}.4/Relu", "fc\u{600}.4")])
func `a module path is cut at slashes, whatever marks join them`(name: String, scope: String) throws {
    let folder = try Folder()
    // The last of two names of a node counts.
    let draft = ONNXBuilder([.init(opType: "Relu", inputs: ["x"], more: Wire.field(3, name))])
    let graph = try ONNXDocument(folder.write(draft.bytes)).lower(batch: 2)
    #expect(graph.nodes.last?.scope == scope)
}

@Test func `weights are views of the mapped file`() throws {
    let document = try ONNXDocument(Fixture.digitsMLP)
    #expect(!document.weights.isEmpty)
    #expect(document.weights.values.allSatisfy { !$0.storage.isWritable })
}

@Test func `fields that no version of ONNX has are kept on every level`() throws {
    let folder = try Folder()
    let path = Fixture.path("unknown-fields.onnx")
    let document = try ONNXDocument(path)
    #expect(document.model.metadata == ["author": "somebody", "layercollapse.version": "0"])
    var edit = ONNXEdit()
    edit.metadata = [("layercollapse.seed", "7")]
    try document.write(edit, to: folder.path + "/m.onnx")
    let entry = Wire.field(14, Wire.field(1, "layercollapse.seed") + Wire.field(2, "7"))
    #expect(try contents(folder.path + "/m.onnx") == contents(path) + entry)
}

@Test func `metadata of the same key are replaced and others stay`() throws {
    let folder = try Folder()
    var edit = ONNXEdit()
    edit.metadata = [("layercollapse.version", "1")]
    try ONNXDocument(Fixture.path("unknown-fields.onnx")).write(edit, to: folder.path + "/m.onnx")
    let metadata = try ONNXDocument(folder.path + "/m.onnx").model.metadata
    #expect(metadata == ["author": "somebody", "layercollapse.version": "1"])
}

@Test(arguments: [("external.onnx", "out.onnx.data"), ("optimum.onnx", "out.onnx_data")])
func `external data are read, and written beside the new model`(name: String, file: String) throws {
    let folder = try Folder()
    let document = try ONNXDocument(Fixture.path(name))
    #expect(document.model.initializers.filter(\.isExternal).count == 2)
    let written = try document.write(ONNXEdit(), to: folder.path + "/out.onnx")
    #expect(written == [folder.path + "/out.onnx", folder.path + "/" + file])

    let copy = try ONNXDocument(folder.path + "/out.onnx")
    #expect(copy.model.initializers.map(\.name) == document.model.initializers.map(\.name))
    for (one, other) in zip(document.model.initializers, copy.model.initializers) {
        #expect(
            other.external["location"]
                == (one.isExternal && one.name.hasSuffix("fc1.weight") ? file : other.external["location"]))
        #expect(document.weights[one.name]?.floats == copy.weights[one.name]?.floats)
        // Small tensors keep their bytes; the others keep all fields except their elements.
        if !one.isExternal { #expect(Array(one.encoded) == Array(other.encoded)) }
        #expect(one.fieldsWithoutElements.map(Array.init) == other.fieldsWithoutElements.map(Array.init))
    }
    #expect(document.model.nodes.map { Array($0.encoded) } == copy.model.nodes.map { Array($0.encoded) })
    let x = try Tensor((0..<32).map { Float($0) / 32 }, Shape([2, 16]))
    let (before, after) = (
        try outputs(of: document.lower(batch: 2), on: ["input": x]),
        try outputs(of: copy.lower(batch: 2), on: ["input": x])
    )
    #expect(before["output"]?.floats == after["output"]?.floats)
}

@Test func `a model can be written over itself`() throws {
    let folder = try Folder()
    let path = try folder.write(Fixture.bytes("external.onnx"), as: "external.onnx")
    try folder.write(Fixture.bytes("external.onnx.data"), as: "external.onnx.data")
    let before = try #require(ONNXDocument(path).weights["fc1.weight"]).floats
    try ONNXDocument(path).write(ONNXEdit(), to: path)
    #expect(try ONNXDocument(path).weights["fc1.weight"]?.floats == before)
    #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
            "external.onnx", "external.onnx.data",
        ])
}

@Test func `what cannot be written says so and leaves nothing behind`() throws {
    let folder = try Folder()
    let document = try ONNXDocument(Fixture.path("layers.onnx"))
    try FileManager.default.createDirectory(atPath: folder.path + "/taken", withIntermediateDirectories: false)
    let path = folder.path + "/taken"
    let refusal = failure { try document.write(ONNXEdit(), to: path) }
    #expect(refusal?.code == "disk_full")
    #expect(refusal?.text == "'\(path)' cannot be written: Is a directory")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken"])
}

extension Array<UInt8> {
    init(_ bytes: Bytes) { self = (0..<bytes.count).map { bytes[$0] } }
}
