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

    @Test(arguments: [(1, true), (16, false)] as [(Int64, Bool)])
    func `a branch that cannot be run is left behind unless it holds weights`(size: Int64, isLeft: Bool) throws {
        let folder = try Folder()
        var draft = Self.tail
        // The branch selects by what the samples are, and reads the logits from outside.
        let number =
            Wire.field(1, size) + Wire.field(2, 1) + Wire.field(8, "s")
            + Wire.field(9, [UInt8](repeating: 0, count: 4 * Int(size)))
        let node = Wire.field(1, "a") + Wire.field(1, "s") + Wire.field(2, "z") + Wire.field(4, "Mul")
        let graph = Wire.field(1, node) + Wire.field(5, number) + Wire.field(12, ONNXBuilder.value("z", 1, [4]))
        let branches = ["then_branch", "else_branch"].flatMap { name in
            Wire.field(5, Wire.field(1, name) + Wire.field(6, graph) + Wire.field(20, 5))
        }
        draft.nodes.append(.init(opType: "Cast", inputs: ["d"], outputs: ["e"], int: ["to": 9]))
        draft.nodes.append(.init(opType: "If", inputs: ["e"], outputs: ["f"], more: branches))
        let document = try ONNXDocument(folder.write(draft.bytes))
        #expect(document.model.innerFloatCount == (isLeft ? 0 : 2 * Int(size)))
        if isLeft {
            #expect(try document.lower(batch: 2).measuredOutputs.map(\.name) == ["a"])
        } else {
            #expect(throws: FormatError.self) { try document.lower(batch: 2) }
        }
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
