import Compute
import Formats
import Foundation
import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct InspectionTests {
    @Test func `the plan of a network with BatchNorm names it, both blocks and what the whole head comes to`() throws {
        let plan = try Inspection(Samples.vgg).document
        #expect(plan["object"] == "plan")
        let candidates = plan["candidates"]?.array ?? []
        // The BatchNorm goes into the second layer first.
        let kinds: [JSONValue] = ["BatchNorm-Linear (exact)", "Linear-ReLU-Linear", "Linear-ReLU-Linear"]
        #expect(candidates.map { $0["kind"] } == kinds)
        #expect(candidates.map { $0["in"] } == [384, 128, 384])
        #expect(candidates.map { $0["hidden"] } == [384, 384, 384])
        #expect(candidates.map { $0["out"] } == [384, 384, 10])
        #expect(candidates.map { $0["saving"] }.first == .int(4 * 384))
        #expect(candidates.map { $0["profitable"] } == [true, true, true])
        let before = try #require(plan["model"]?["parameters"]?.int)
        let saved = try #require(plan["max_reduction"]?["parameters"]?.int)
        // Three convolutions (14 048) and one layer of 128 by 10.
        #expect(before - saved == 15_338)
        #expect(plan["unsupported"] == [])
        #expect(plan["data"] == .null)
        #expect(plan["options"]?["method"] == "merge")
        #expect(plan["model"]?["bytes"]?.int == FileDigest.byteCount(Samples.vgg))
        #expect(plan["model"]?["inputs"]?.array?.first?["shape"] == ["batch", 1, 16, 16])
    }

    @Test func `with data the plan says which keys are meant`() throws {
        let data = try Inspection(Samples.vgg, data: Samples.digits).document["data"] ?? .null
        #expect(data["mapping"]?["input"] == "x_train")
        #expect(data["mapping"]?["labels"] == "y_train")
        #expect(data["samples"] == 6500)
        #expect(data["classes"] == 10)
        #expect(data["keys"]?["x_test"]?["shape"] == [1500, 1, 16, 16])
    }

    @Test func `a chain of layers is merged as one`() throws {
        let plan = try Inspection(Samples.mlp).document
        #expect(plan["candidates"]?.array?.count == 2)
        #expect(plan["model"]?["parameters"] == 134_154)
        // 10 outputs of 256 inputs and a bias remain.
        #expect(plan["max_reduction"]?["parameters"] == .int(134_154 - 2570))
    }

    @Test func `a network whose layers no loss can teach says so before the work`() throws {
        let inspection = try Inspection(Samples.scatterMax)
        #expect(inspection.document["candidates"]?.array?.count == 1)
        let warning = inspection.document["warnings"]?.array?.first
        #expect(warning?["code"] == "no_gradient")
        let message =
            "'logits' has no derivative: it scatters by maximum; collapsed layers are fitted and tuned against the "
            + "outputs of their own blocks alone"
        #expect(warning?["message"]?.string == message)
        #expect(inspection.table.contains("warning: " + message))
        #expect(try Inspection(Samples.mlp).document["warnings"] == [])
    }

    @Test func `data alone are described by their keys`() throws {
        let inspection = try Inspection(Samples.digits)
        #expect(inspection.document["object"] == "dataset")
        #expect(inspection.document["keys"]?["x_train"]?["shape"] == [5000, 1, 16, 16])
        #expect(inspection.table.contains("x_train"))
    }

    @Test func `the name of a key does not steer the terminal`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/in.npz"
        try NPZ.write([("x\u{1B}[2J\n\u{202E}", Tensor([Float(1)], Shape([1])))], to: path)
        let inspection = try Inspection(path)
        #expect(inspection.table == "key                      type  shape\nx\\u{1B}[2J\\u{A}\\u{202E}  f4    [1]")
        #expect(inspection.document["keys"]?.object?.names == ["x\u{1B}[2J\n\u{202E}"])
    }

    @Test func `an operator that cannot be run is listed and leaves no candidates`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/odd.onnx"
        // Another operator of four letters in place of every Relu keeps all lengths.
        let odd = try Samples.bytes(Samples.mlp).replacing(Array("Relu".utf8), with: Array("Rilu".utf8))
        try Data(odd).write(to: URL(filePath: path))
        let inspection = try Inspection(path)
        #expect(inspection.document["candidates"] == [])
        #expect(inspection.document["unsupported"]?.array?.count == 2)
        let node = inspection.document["unsupported"]?.array?.first
        #expect(node?["operator"] == "Rilu")
        #expect(node?["gradient_path"] == true)
        #expect(inspection.table.contains("what cannot be run:"))

        let listed = inspection.document["unsupported"]?.array?.compactMap { $0["detail"]?.string }
        let output = folder.path + "/out.onnx"
        let order = CompressionOrder(
            model: path, data: Samples.digits, options: try JobOptions(decoding: .init()), output: output)
        let refusals = [
            #expect(throws: Problem.self) { try Compression.run(order) { _ in } },
            #expect(throws: Problem.self) {
                try InferenceRun(model: path, data: Samples.digits, output: output).run { _ in }
            },
            #expect(throws: Problem.self) {
                let run = TrainingRun(model: path, data: Samples.digits, output: output, options: order.options)
                _ = try run.run { _ in }
            },
        ]
        for refusal in refusals {
            #expect(refusal?.code == .unsupportedOperator)
            #expect(refusal?.details.map(\.detail) == listed?.map { $0 + " lies on the gradient path" })
        }
    }

    @Test func `a model that is cut off is refused by its name`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/half.onnx"
        try Data(Samples.bytes(Samples.mlp).prefix(1000)).write(to: URL(filePath: path))
        let failure = #expect(throws: Problem.self) { try Inspection(path) }
        #expect(failure?.code == .invalidONNX)
        #expect(failure?.exitStatus == 3)
        #expect(failure?.detail.contains("half.onnx") == true)
    }

    private static func zip(of name: String) -> [UInt8] {
        let sizes: [UInt8] = [UInt8](repeating: 0, count: 22) + [UInt8(name.utf8.count), 0, 0, 0]
        return [0x50, 0x4B, 3, 4] + sizes + Array(name.utf8)
    }

    @Test(
        arguments: [
            (zip(of: "x.npy"), true), (zip(of: "archive/data.pkl"), false), (Array("PK\u{3}\u{4}".utf8), false),
            ([16, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], true), ([8, 8, 18, 7, 112, 121, 116, 111, 114, 99], false),
            ([], false),
        ] as [([UInt8], Bool)])
    func `data are known by their first bytes`(bytes: [UInt8], isData: Bool) {
        #expect(SourceData.isData(bytes) == isData)
    }
}
