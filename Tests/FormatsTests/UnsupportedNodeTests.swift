import Compute
import Model
import Testing

@testable import Formats

@Suite struct UnsupportedNodeTests {
    private func refusal(_ draft: ONNXBuilder) throws -> [UnsupportedNode] {
        let folder = try Folder()
        let path = try folder.write(draft.bytes)
        let document = try ONNXDocument(path)
        let error = #expect(throws: FormatError.self) { try document.lower(batch: 2) }
        guard case .unsupportedOperator(let nodes) = error else { return [] }
        return nodes
    }

    @Test func `operators that nobody knows and those with an attribute that cannot be run are in one list`() throws {
        let nodes = try refusal(
            ONNXBuilder(
                [
                    .init(
                        opType: "BatchNormalization", inputs: ["x", "s", "s", "m", "m"], outputs: ["a"],
                        int: ["training_mode": 1]),
                    .init(opType: "Relu", inputs: ["a"], outputs: ["b"]),
                    .init(opType: "TopK", inputs: ["b"], outputs: ["c"]),
                    .init(opType: "Cast", inputs: ["x"], outputs: ["d"], int: ["to": 2]),
                    .init(opType: "Add", inputs: ["c", "d"]),
                ], [.floats("s", [4]), .floats("m", [4])]))
        #expect(nodes.map(\.index) == [0, 2, 3])
        #expect(nodes.map(\.operatorName) == ["BatchNormalization", "TopK", "Cast"])
        #expect(nodes.allSatisfy { $0.opset == 17 })
        // The last node reads no weight.
        #expect(nodes.map(\.isOnGradientPath) == [true, true, false])
    }

    private static let tail = ONNXBuilder(
        [
            .init(opType: "MatMul", inputs: ["x", "w"], outputs: ["a"]),
            .init(opType: "ArgMax", inputs: ["a"], outputs: ["b"]),
            .init(opType: "TopK", inputs: ["b"], outputs: ["c"]),
            .init(opType: "Unique", inputs: ["a"], outputs: ["d"]),
            .init(opType: "NonMaxSuppression", inputs: ["a"], outputs: ["y"]),
        ], [.floats("w", [4, 4])])

    @Test func `what only an index or nothing at all depends on is off the gradient path`() throws {
        let folder = try Folder()
        let nodes = try ONNXDocument(folder.write(Self.tail.bytes)).nodesNotRun
        #expect(nodes.map(\.operatorName) == ["TopK", "Unique", "NonMaxSuppression"])
        #expect(nodes.map(\.isOnGradientPath) == [false, false, true])
    }

    @Test func `a tail without weights is left behind, and what it reads is measured`() throws {
        let folder = try Folder()
        let graph = try ONNXDocument(folder.write(Self.tail.bytes)).lower(batch: 2)
        #expect(graph.outputs.map(\.name) == ["b", "a"])
        #expect(graph.measuredOutputs.map(\.name) == ["a"])
    }

    @Test func `a rest with weights is refused`() throws {
        var draft = Self.tail
        draft.nodes.append(.init(opType: "MatMul", inputs: ["d", "v"], outputs: ["e"]))
        draft.weights.append(.floats("v", [4, 4]))
        #expect(try refusal(draft).map(\.operatorName) == ["TopK", "Unique", "NonMaxSuppression"])
    }
}

/// Weights in other precisions, and nodes out of order.
struct PrecisionTests {
    @Test(
        arguments: [
            (10, [0x00, 0x3C, 0x00, 0xC1], [1, -2.5]), (16, [0x80, 0x3F, 0x20, 0xC0], [1, -2.5]),
            (11, [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0x04, 0xC0], [1, -2.5]),
        ] as [(Int64, [UInt8], [Float])])
    func `weights of other precisions are float32`(type: Int64, bytes: [UInt8], values: [Float]) throws {
        let folder = try Folder()
        var draft = ONNXBuilder([.init(opType: "Relu", inputs: ["x"])])
        draft.weights = [.init(name: "w", sizes: [2], type: type, raw: bytes)]
        #expect(try ONNXDocument(folder.write(draft.bytes)).weights["w"]?.floats == values)
    }

    @Test func `nodes out of order are sorted, and a cycle is refused`() throws {
        let folder = try Folder()
        var draft = ONNXBuilder([
            .init(opType: "Add", inputs: ["b", "a"]), .init(opType: "Relu", inputs: ["a"], outputs: ["b"]),
            .init(opType: "Neg", inputs: ["x"], outputs: ["a"]),
        ])
        let document = try ONNXDocument(folder.write(draft.bytes))
        #expect(document.model.nodes.map(\.opType) == ["Neg", "Relu", "Add"])
        #expect(try document.lower(batch: 2).outputs.map(\.name) == ["y"])
        draft.nodes[2].inputs = ["b"]
        #expect(throws: FormatError.self) { try ONNXDocument(folder.write(draft.bytes)) }
    }
}
