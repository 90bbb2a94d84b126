import Compute
import Foundation
import Model
import Testing

@testable import Formats

extension ONNXDifference {
    /// The whole file, put together from the files in a folder as they are on the disk, and the new bytes.
    func whole(from folder: String) throws -> [UInt8] {
        var (whole, told): ([UInt8], [UInt8]) = ([], [])
        forEach { piece, bytes in
            told += bytes.byteOffsets.map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            guard case .new(let byteCount) = piece else { return }
            #expect(byteCount == bytes.byteCount)
        }
        var place = 0
        for piece in pieces {
            switch piece {
            case .kept(let range, let file, let byteCount):
                let original = try contents(folder + "/" + file)
                #expect(original.count == byteCount)
                whole += original[range]
                place += range.count
            case .new(let byteCount):
                whole += told[place..<place + byteCount]
                place += byteCount
            }
        }
        #expect(whole == told)
        #expect(whole.count == byteCount)
        return whole
    }
}

@Test(arguments: ["layers.onnx", "unknown-fields.onnx", "shared.onnx", "inputs-of-weights.onnx"])
func `a document that is not edited is all of its file`(name: String) throws {
    let difference = try ONNXDocument(Fixture.path(name)).difference(ONNXEdit())
    #expect(try difference.whole(from: Fixture.folder) == Fixture.bytes(name))
    #expect(difference.newByteCount == 0)
}

@Test func `of an edit only the new bytes are new`() throws {
    let document = try ONNXDocument(Fixture.path("unknown-fields.onnx"))
    var graph = try document.lower(batch: 2)
    let bias = try #require(graph.parameters.firstIndex { $0.name == "fc1.bias" })
    graph.setParameter(bias, try Tensor([Float](repeating: 9, count: 4), Shape([4])))
    var edit = try document.edit(toMatch: graph)
    edit.metadata = [("layercollapse.seed", "7")]
    let folder = try Folder()
    try document.write(edit, to: folder.path + "/m.onnx")
    let difference = try document.difference(edit)
    #expect(try difference.whole(from: Fixture.folder) == contents(folder.path + "/m.onnx"))
    // The bias, the entry of 24 bytes, and heads around them.
    #expect(difference.newByteCount < 70)
}

@Test(arguments: ["external.onnx", "optimum.onnx"])
func `a document with external data becomes one file, whose weights are not new`(name: String) throws {
    let document = try ONNXDocument(Fixture.path(name))
    for metadata in [[], [(key: "layercollapse.seed", value: "7")]] {
        var edit = ONNXEdit()
        edit.metadata = metadata
        let difference = try document.difference(edit)
        let folder = try Folder()
        let one = try ONNXDocument(folder.write(difference.whole(from: Fixture.folder)))
        #expect(one.model.initializers.allSatisfy { !$0.isExternal })
        #expect(Set(one.weights.keys) == Set(document.weights.keys))
        for (name, weight) in document.weights { #expect(one.weights[name]?.floats == weight.floats) }
        #expect(one.model.nodes.map { Array($0.encoded) } == document.model.nodes.map { Array($0.encoded) })
        #expect(difference.newByteCount < 100)
    }
}
