import Collapse
import Compute
import Formats
import Foundation
import Model
import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct CompressionReportTests {
    private static func order(_ folder: TemporaryFolder, _ given: KeyValuePairs<String, JSONValue>) throws
        -> CompressionOrder
    {
        CompressionOrder(
            model: Samples.vgg, data: Samples.digits,
            options: try JobOptions(decoding: JSONValue.Object(given.map { ($0.key, $0.value) })),
            output: folder.path + "/small.onnx",
            reports: ["json", "md", "html"].map { folder.path + "/report." + $0 })
    }

    private static func document(_ path: String) throws -> JSONValue { try JSONParser.parse(Samples.bytes(path)) }

    @Test func `what was left alone is reported with its reason, and no model is written`() throws {
        let folder = try TemporaryFolder()
        let order = try Self.order(folder, ["exclude": "*"])
        let failure = #expect(throws: Problem.self) { try Compression.run(order) { _ in } }
        #expect(failure?.code == .nothingToCollapse)
        #expect(failure?.exitStatus == 4)
        #expect(failure?.details.count == 2)
        #expect(failure?.details.allSatisfy { $0.detail.hasSuffix(": include and exclude leave it alone") } == true)
        #expect(!FileManager.default.fileExists(atPath: order.output))
        let report = try Self.document(folder.path + "/report.json")
        #expect(report["result"]?["compressed"] == .null)
        #expect(try #require(report["seconds"]?.double) > 0)
        #expect(report["result"]?["layers"]?.array?.count == 2)
        let card = String(decoding: try Samples.bytes(folder.path + "/report.md"), as: UTF8.self)
        #expect(card.contains("kept: include and exclude leave it alone"))
    }

    @Test func `without data a network of ReLUs says how far each is from the identity`() throws {
        let folder = try TemporaryFolder()
        var order = try Self.order(folder, [:])
        (order.model, order.data) = (Samples.mlp, nil)
        let failure = #expect(throws: Problem.self) { try Compression.run(order) { _ in } }
        #expect(failure?.exitStatus == 4)
        #expect(
            failure?.details.allSatisfy {
                $0.detail.hasSuffix(": its slope 0.0 is not within 0.05 of the identity's slope, 1")
            } == true)
    }

    /// The exit statuses of docs/operations.md: 0 done, 1 failed, 2 usage, 3 refused input, 4 nothing to collapse.
    @Test func `each way to fail has its exit status`() {
        let failed: Set<ProblemCode> = [
            .memoryLimit, .nanLoss, .deadlineExceeded, .workerCrashed, .diskFull, .internalError,
        ]
        let usage: Set<ProblemCode> = [.unknownOption, .invalidOption, .missingField]
        for code in ProblemCode.allCases {
            let expected: Int32 =
                code == .nothingToCollapse ? 4 : usage.contains(code) ? 2 : failed.contains(code) ? 1 : 3
            #expect(Problem(code, "").exitStatus == expected, "\(code.rawValue)")
        }
    }

    @Test(
        arguments: [
            (ModelError.nanLoss(step: 3), ProblemCode.nanLoss, 1),
            (.compute(.memory(MemoryError(byteCount: 8))), .memoryLimit, 1),
            (.compute(.singular(column: 0)), .internalError, 1),
            (.rewrite(value: "y", reason: "no"), .internalError, 1),
            (.data(input: "x", reason: "no"), .shapeMismatch, 3),
            (.shape(value: "y", .invalid([-1])), .invalidONNX, 3),
            (.elementType(value: "y", expected: .float32, found: .int64), .unsupportedDtype, 3),
        ] as [(ModelError, ProblemCode, Int32)])
    func `what goes wrong in a network has a code and a status`(error: ModelError, code: ProblemCode, status: Int32) {
        let failure = Problem(any: error)
        #expect(failure.code == code)
        #expect(failure.exitStatus == status)
        #expect(failure.detail == error.description)
    }

    /// The sizes with the whole head as one layer; the convolutions of torchvision's networks have the rest.
    @Test(arguments: [
        ("VGG11", [25_088, 4096, 4096, 1000], 9_220_480, 132_863_336, 34_309_480),
        ("VGG16", [25_088, 4096, 4096, 1000], 14_714_688, 138_357_544, 39_803_688),
        ("AlexNet", [9216, 4096, 4096, 1000], 2_469_696, 61_100_840, 11_686_696),
    ])
    func `the plan knows what a whole head comes to`(
        name: String, sizes: [Int], convolutions: Int, before: Int, after: Int
    ) throws {
        var graph = Graph()
        var value = graph.addInput("x", .float(try Shape([1, sizes[0]])))
        for (index, (inFeatures, out)) in zip(sizes, sizes.dropFirst()).enumerated() {
            if index > 0 { value = try graph.append(.unary(.relu), [value], name: "act\(index)") }
            // Zeros whose pages are never touched: 0.5 GB of weights that only their sizes matter of.
            let parameters = try [Shape([out, inFeatures]), Shape([out])].map { shape in
                Parameter(name: "\(index).\(shape.rank)", tensor: try Tensor(zeros: shape), isTrainable: true)
            }
            let operands = parameters.map { graph.addParameter($0) }
            value = try graph.append(
                .matMul(transposeLeft: false, transposeRight: true), [value] + operands, name: "fc\(index)")
        }
        graph.addOutput("logits", value)
        let chains = CollapseChains(Candidates(in: graph).found, in: graph, of: graph)
        #expect(chains.parametersBefore + convolutions == before)
        #expect(chains.parametersAfter + convolutions == after)
    }

    @Test(arguments: ["ridge", "layercollapse"])
    func `a network that cannot be differentiated is compressed all the same, and the report says how`(
        method: String
    ) throws {
        let folder = try TemporaryFolder()
        var random = SeededRandom(seed: 3)
        let x = try Tensor((0..<3200).map { _ in Float.random(in: -2...2, using: &random) }, Shape([400, 8]))
        let data = folder.path + "/x.npz"
        try NPZ.write([("x", x)], to: data)
        let options: KeyValuePairs<String, JSONValue> = [
            "method": .string(method), "max_layers": 1, "steps": 30, "optimizer": "adamw",
        ]
        let order = CompressionOrder(
            model: Samples.scatterMax, data: data,
            options: try JobOptions(decoding: JSONValue.Object(options.map { ($0.key, $0.value) })),
            output: folder.path + "/small.onnx",
            reports: ["json", "md"].map { folder.path + "/report." + $0 })
        var (warnings, steps) = ([String](), 0)
        let ended = try Compression.run(order) { event in
            if event.data["code"] == "no_gradient" { warnings.append(event.message) }
            if event.data["train_loss"] != nil { steps += 1 }
        }
        #expect(steps == 30)
        let warned = warnings.filter { $0.hasPrefix("'logits' has no derivative: it scatters by maximum; ") }
        #expect(warned.count == 1)
        let report = try Self.document(folder.path + "/report.json")
        let said = report["warnings"]?.array?.filter { $0["code"] == "no_gradient" }.map { $0["message"]?.string }
        #expect(said == warned)
        #expect(ended.document["compressed"]?["parameters"] == 36)
        let page = try String(contentsOf: URL(filePath: folder.path + "/report.md"), encoding: .utf8)
        #expect(page.contains("has no derivative: it scatters by maximum"))
    }
}
