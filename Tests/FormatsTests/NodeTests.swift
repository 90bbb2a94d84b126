import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// The folder that `Benchmarks/node_tests.py` has filled: `NAME.onnx` and `NAME.npz` of each case, and
/// `NAME.constants.onnx` with small operands as constants.
private let folder = ProcessInfo.processInfo.environment["LAYERCOLLAPSE_NODE_TESTS"] ?? ""

@Test(.enabled(if: !folder.isEmpty))
func `the node tests of the ONNX project are run, and what comes of each is written down`() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    let names = files.filter { $0.hasSuffix(".npz") }.map { String($0.dropLast(4)) }.sorted()
    let results = folder + "/results.tsv"
    let done = (try? String(contentsOfFile: results, encoding: .utf8)) ?? ""
    let known = Set(done.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) })
    try Data(done.utf8).write(to: URL(filePath: results))
    let file = try #require(FileHandle(forWritingAtPath: results))
    try file.seekToEnd()
    for name in names where !known.contains(name) {
        // Written first, so that a case that ends the process can be identified.
        try file.write(contentsOf: Data("\(name)\t".utf8))
        let numbers = try NPZ.read(MappedFile("\(folder)/\(name).npz")).arrays
        var (outcome, detail) = run("\(folder)/\(name).onnx", numbers)
        let constants = "\(folder)/\(name).constants.onnx"
        if outcome == "refused", detail.contains("on the data"),
            FileManager.default.fileExists(atPath: constants)
        {
            (outcome, detail) = run(constants, numbers)
            if outcome == "passed" { outcome = "passed with known operands" }
        }
        let line = detail.replacing("\n", with: " ").replacing("\t", with: " ")
        try file.write(contentsOf: Data("\(outcome)\t\(line)\n".utf8))
    }
}

private func run(_ path: String, _ numbers: [String: DataArray]) -> (outcome: String, detail: String) {
    func part(_ prefix: String) -> [String: Tensor] {
        var part: [String: Tensor] = [:]
        for (key, array) in numbers where key.hasPrefix(prefix) {
            part[String(key.dropFirst(prefix.count))] = array.tensor
        }
        return part
    }
    let graph: Graph
    do { graph = try ONNXDocument(path).lower(batch: 1) } catch { return ("refused", "\(error)") }
    do {
        let computed = try outputs(of: graph, on: part("in/"))
        for (name, expected) in part("out/").sorted(by: { $0.key < $1.key }) {
            guard let actual = computed[name] else { return ("failed", "no output '\(name)'") }
            if let difference = difference(actual, expected) { return ("failed", "'\(name)': \(difference)") }
        }
        return ("passed", "")
    } catch {
        return ("failed", "\(error)")
    }
}

/// The first difference between two tensors beyond the tolerance of the ONNX project, or nil.
private func difference(_ actual: Tensor, _ expected: Tensor) -> String? {
    guard actual.type == expected.type else { return "type \(actual.type), expected \(expected.type)" }
    guard actual.shape == expected.shape else { return "shape \(actual.shape), expected \(expected.shape)" }
    for (index, (left, right)) in zip(actual.numbers, expected.numbers).enumerated() {
        let isSame = left == right || left.isNaN && right.isNaN
        guard isSame || abs(left - right) <= 1e-5 + 1e-3 * abs(right) else {
            return "element \(index) of \(actual.shape) is \(left), expected \(right)"
        }
    }
    return nil
}
