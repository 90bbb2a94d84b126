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
                    .init(opType: "Cast", inputs: ["x"], outputs: ["d"], int: ["to": 10]),
                    .init(opType: "Add", inputs: ["c", "d"]),
                ], [.floats("s", [4]), .floats("m", [4])]))
        #expect(nodes.map(\.index) == [0, 2, 3])
        #expect(nodes.map(\.operatorName) == ["BatchNormalization", "TopK", "Cast"])
        #expect(nodes.allSatisfy { $0.opset == 17 })
        // The last node reads no weight.
        #expect(nodes.map(\.isOnGradientPath) == [true, true, false])
    }

    @Test func `what only an index or nothing at all depends on is off the gradient path`() throws {
        let nodes = try refusal(
            ONNXBuilder(
                [
                    .init(opType: "MatMul", inputs: ["x", "w"], outputs: ["a"]),
                    .init(opType: "ArgMax", inputs: ["a"], outputs: ["b"]),
                    .init(opType: "TopK", inputs: ["b"], outputs: ["c"]),
                    .init(opType: "Unique", inputs: ["a"], outputs: ["d"]),
                    .init(opType: "NonMaxSuppression", inputs: ["a"], outputs: ["y"]),
                ], [.floats("w", [4, 4])]))
        #expect(nodes.map(\.operatorName) == ["TopK", "Unique", "NonMaxSuppression"])
        #expect(nodes.map(\.isOnGradientPath) == [false, false, true])
    }
}
