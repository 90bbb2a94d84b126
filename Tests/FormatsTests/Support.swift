// Test support: paths of fixtures, temporary folders, and running and comparing graphs.

import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// The paths of the files that `Tests/EndToEnd/make_fixtures.py` writes, and of the trained networks of the examples.
enum Fixture {
    static let folder = Bundle.module.bundlePath + "/Fixtures"
    static func path(_ name: String) -> String { folder + "/" + name }
    static func bytes(_ name: String) throws -> [UInt8] { try contents(path(name)) }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
    static let digitsMLP = root.path + "/Tests/EndToEnd/fixtures/digits-mlp.onnx"
    static let digitsVGG = root.path + "/Examples/digits/digits-vgg.onnx"
    static let digits = root.path + "/Examples/digits/digits16.npz"
    static func reference(_ name: String) -> String { root.path + "/Tests/EndToEnd/fixtures/\(name).reference.npz" }
}

func contents(_ path: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(filePath: path))) }

/// Owns a folder for one test, and removes it afterwards.
final class Folder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "formats-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ bytes: [UInt8], as name: String = "file") throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }
}

/// Runs a graph once on inputs of the sizes it was built for.
func outputs(of graph: Graph, on inputs: [String: Tensor]) throws -> [String: Tensor] {
    let plan = try ExecutionPlan(graph, fetching: graph.outputs.map(\.value))
    for value in graph.inputs {
        let source = try #require(inputs[graph[value].name])
        let target = plan.tensor(value)
        if source.type == target.type {
            target.copy(from: source)
        } else {
            try Step.cast(source, into: target).run()
        }
    }
    plan.run()
    return Dictionary(uniqueKeysWithValues: try graph.outputs.map { ($0.name, try plan.tensor($0.value).clone()) })
}

extension Tensor {
    /// The elements of any type as numbers.
    var numbers: [Double] {
        switch type {
        case .float32: floats.map(Double.init)
        case .int64: int64s.map(Double.init)
        case .int32: int32s.map(Double.init)
        case .bool: bools.map { $0 ? 1 : 0 }
        }
    }
}

/// Expects all numbers to agree to `tolerance`, absolutely near zero and relatively elsewhere.
func expectClose(
    _ actual: Tensor, _ expected: Tensor, within tolerance: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.shape == expected.shape, sourceLocation: sourceLocation)
    for (index, (left, right)) in zip(actual.numbers, expected.numbers).enumerated() {
        let isClose = abs(left - right) <= tolerance * max(1, abs(right))
        guard !isClose else { continue }
        Issue.record("element \(index) is \(left), expected \(right)", sourceLocation: sourceLocation)
        return
    }
}

/// The code and text of the error that `body` throws, or nil.
func failure(_ body: () throws -> Void) -> (code: String, text: String)? {
    do { try body() } catch {
        guard let error = error as? FormatError else { return ("\(type(of: error))", "\(error)") }
        return (error.code, "\(error)")
    }
    return nil
}
