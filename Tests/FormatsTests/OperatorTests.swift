import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// The operator fixtures: one small network for each form of an operator, and the outputs of ONNX Runtime.
enum Operators {
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: Fixture.path("ops"))) ?? []
        return files.map { String($0.dropLast(".onnx".count)) }.sorted()
    }()

    static let numbers = Result { try NPZ.read(MappedFile(Fixture.path("ops.npz"))).arrays }

    static func tensors(_ name: String, _ kind: String) throws -> [String: Tensor] {
        let prefix = "\(name)/\(kind)/"
        let found = try numbers.get().filter { $0.key.hasPrefix(prefix) }
        return Dictionary(
            uniqueKeysWithValues: found.map { ($0.key.dropFirst(prefix.count).description, $0.value.tensor) })
    }
}

@Test func `there is a network for every operator`() throws {
    var seen: Set<String> = []
    let paths = Operators.names.map { Fixture.path("ops/\($0).onnx") } + Quantized.names.map(Quantized.path)
    for path in paths {
        let model = try ONNXModel(MappedFile(path))
        seen.formUnion((model.nodes + model.functions.flatMap(\.nodes)).map(NodeView.opType))
    }
    // ONNX Runtime has it in the default domain, where there is a network.
    seen.insert("com.microsoft.SimplifiedLayerNormalization")
    #expect(ONNXLowering.supported.subtracting(seen) == [])
}

@Test(arguments: Operators.names)
private func `an operator computes what ONNX Runtime computes`(name: String) throws {
    let document = try ONNXDocument(Fixture.path("ops/\(name).onnx"))
    let inputs = try Operators.tensors(name, "in")
    let batch = inputs["x"]?.shape.dimensions.first ?? 1
    let computed = try outputs(of: document.lower(batch: batch), on: inputs)
    let expected = try Operators.tensors(name, "out")
    #expect(!expected.isEmpty)
    for (output, tensor) in expected {
        expectClose(try #require(computed[output]), tensor)
    }
}

@Test(arguments: Operators.names.filter { $0.hasPrefix("spelled_") })
private func `what an exporter takes apart is one op, which stands for all the nodes`(name: String) throws {
    let document = try ONNXDocument(Fixture.path("ops/\(name).onnx"))
    let graph = try document.lower(batch: 2)
    let computed = graph.nodes.filter { !$0.operands.isEmpty }
    #expect(computed.count == 1)
    #expect(computed.first?.origin == Origin(nodes: Array(document.model.nodes.indices)))
}

@Test func `what somebody else reads a part of stays as it is`() throws {
    let graph = try ONNXDocument(Fixture.path("ops/unspelled_gelu.onnx")).lower(batch: 2)
    #expect(graph.nodes.count { !$0.operands.isEmpty } == 5)
}
