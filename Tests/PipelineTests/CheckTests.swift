import Foundation
import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct CheckTests {
    private static func order(
        _ given: KeyValuePairs<String, JSONValue> = [:], old: String = Samples.mlp, new: String = Samples.mlp,
        reports: [String] = []
    ) throws -> CheckOrder {
        CheckOrder(
            old: old, new: new, data: Samples.digits,
            options: try JobOptions(decoding: JSONValue.Object(given.map { ($0.key, $0.value) }), for: .check),
            reports: reports)
    }

    @Test func `a file may take its own place, and the report says what that rests on`() throws {
        let folder = try TemporaryFolder()
        let reports = ["json", "xml", "md", "html"].map { "\(folder.path)/check.\($0)" }
        let found = try Check.run(try Self.order(reports: reports)) { _ in }
        #expect(found.holds)
        let limits = try #require(found.document["limits"]?.array)
        #expect(limits.map { $0["name"]?.string } == ["max_disagreement"])
        #expect(limits[0]["value"]?.double == 0)
        #expect(limits[0]["limit"]?.double == 0.02)
        // No disagreement in n samples is bounded by 1 - 0.05^(1/n).
        let samples = try #require(found.document["samples"]?.int)
        let bound = 1 - pow(0.05, 1 / Double(samples))
        #expect(abs(try #require(limits[0]["bound"]?.double) - bound) < 1e-6)
        #expect(found.document["old"]?["parameters"] == found.document["new"]?["parameters"])
        let report = try JSONParser.parse(Samples.bytes(reports[0]))
        #expect(report["result"] == found.document)
        #expect(report["object"] == "check")
        #expect(report["data"]?["part"] == "test")
        #expect(report["options"]?.object?.names == JobKind.check.options.map(\.name))
        #expect(report["inputs"]?.object?.names == ["old", "new", "data"])
        let texts = try reports.dropFirst().map { String(decoding: try Samples.bytes($0), as: UTF8.self) }
        #expect(texts[0].contains("tests=\"1\" failures=\"0\""))
        #expect(texts[1].contains("holds"))
        #expect(texts[2].hasPrefix("<!DOCTYPE html>"))
        #expect(found.summary.contains("holds: disagreement is 0.00 %"))
    }

    @Test func `each limit that is given is decided`() throws {
        let given: KeyValuePairs<String, JSONValue> = [
            "max_disagreement": 0, "max_divergence": 0.1, "max_metric_drop": 0.02, "max_class_drop": 0,
            "max_slowdown": 1e9,
        ]
        let found = try Check.run(try Self.order(given)) { _ in }
        let limits = try #require(found.document["limits"]?.array)
        #expect(
            limits.map { $0["name"]?.string } == [
                "max_disagreement", "max_divergence", "max_metric_drop", "max_class_drop", "max_slowdown",
            ])
        // The bound of a rate is above zero however many samples there are.
        #expect(limits.map { $0["holds"]?.bool } == [false, true, true, true, true])
        #expect(!found.holds)
        #expect(found.summary.contains("does not hold: disagreement is 0.00 %, at most "))
    }

    @Test func `a network of other outputs is refused, with what differs`() throws {
        let new = Samples.scatterMax
        let problem = #expect(throws: Problem.self) { try Check.run(try Self.order(new: new)) { _ in } }
        #expect(problem?.code == .shapeMismatch)
        #expect(problem?.exitStatus == 3)
        #expect(problem?.pointer == "/new")
        #expect(problem?.details.isEmpty == false)
        #expect(problem?.hint != nil)
    }

    @Test(arguments: [
        ("max_varianc_lost", "max_variance_lost"), ("max_slow_down", "max_slowdown"), ("steps", nil as String?),
    ])
    func `a check has its own options`(name: String, nearest: String?) {
        let given = JSONValue.Object([(name, 1)])
        let error = #expect(throws: OptionError.self) { try JobOptions(decoding: given, for: .check) }
        guard case .unknown(let found, let hint)? = error else { return #expect(Bool(false), "\(error as Any)") }
        #expect(found == name)
        if let nearest { #expect(hint == nearest) }
    }

    @Test func `a compression has no limit on latency`() {
        let given = JSONValue.Object([("max_slowdown", 1.1)])
        #expect(throws: OptionError.self) { try JobOptions(decoding: given) }
    }

    @Test func `a limit that no output has is refused`() throws {
        let problem = #expect(throws: Problem.self) {
            try Check.run(try Self.order(["max_variance_lost": 0.1])) { _ in }
        }
        #expect(problem?.pointer == "/max_variance_lost")
        #expect(problem?.exitStatus == 2)
    }

    // MARK: Decisions

    @Test(arguments: [
        ([0.5, 0.9, 1.0], 1.2, true), ([0.5, 0.8, 1.0], 1.25, true), ([0.5, 0.75, 1.0], 1.25, false),
        ([2.0], 0.5, true), ([2.0], 0.49, false),
    ])
    func `latency is decided by the median of the rounds`(ratios: [Double], limit: Double, holds: Bool) {
        let found = CheckLimit(Speedup(ratios: ratios), maxSlowdown: limit)
        #expect(found.holds == holds)
        #expect(found.option == "max_slowdown")
    }

    @Test func `a measure that is not a number holds no limit`() {
        for value in [Double.nan, .infinity] {
            let limit = CheckLimit(option: "max_divergence", words: "divergence", value: value, bound: value, limit: 1)
            #expect(!limit.holds)
        }
        let limit = CheckLimit(option: "max_divergence", words: "divergence", value: 1, bound: 1, limit: 1)
        #expect(limit.holds)
    }

    @Test func `a name of a file breaks no report`() {
        let hostile = "a\"/><x>&'\u{1}\u{FFFF}]]>.onnx"
        let limit = CheckLimit(option: "max_disagreement", words: hostile, value: 0.5, bound: 0.6, limit: 0.1)
        let text = JUnit(suite: hostile, limits: [limit], seconds: 1.5).text
        let parser = XMLProbe()
        #expect(parser.reads(text), "\(text)")
        #expect(parser.names == ["testsuites", "testsuite", "testcase", "failure"])
        #expect(text.contains("failures=\"1\""))
    }

    // MARK: Interfaces

    @Test func `a renamed output is told with both names`() {
        let old = Interface(inputs: [.init(name: "x", type: "float32 [N, 4]")], outputs: [.init(name: "y", type: nil)])
        let new = Interface(
            inputs: [.init(name: "x", type: "float32 [N, 5]")], outputs: [.init(name: "output_0", type: nil)])
        #expect(
            new.differences(from: old, names: ("n.onnx", "o.onnx")) == [
                "the input 'x' is float32 [N, 4] in o.onnx and float32 [N, 5] in n.onnx",
                "the output 'y' of o.onnx is named 'output_0' in n.onnx",
            ])
        #expect(old.differences(from: old, names: ("n", "o")) == [])
        let more = Interface(inputs: old.inputs, outputs: old.outputs + [.init(name: "z", type: nil)])
        #expect(more.differences(from: old, names: ("n", "o")) == ["n has another output, 'z'"])
        #expect(old.differences(from: more, names: ("n", "o")) == ["n lacks the output 'z'"])
    }
}

/// A reader of tags that is strict enough for what the reports hold: tags nest, and text has neither angle brackets nor
/// characters that XML has not.
private final class XMLProbe {
    private(set) var names: [String] = []

    func reads(_ text: String) -> Bool {
        var open: [String] = []
        let parts = text.split(separator: "<", omittingEmptySubsequences: true)
        for part in parts {
            let halves = part.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, !halves[1].contains(">") else { return false }
            let tag = halves[0]
            if tag.hasPrefix("?") { continue }
            if tag.hasPrefix("/") {
                guard open.popLast() == String(tag.dropFirst()) else { return false }
                continue
            }
            let name = String(tag.prefix { $0.isLetter })
            names.append(name)
            if !tag.hasSuffix("/") { open.append(name) }
        }
        let scalars = text.unicodeScalars
        return open.isEmpty && !scalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value & 0xFFFE == 0xFFFE }
    }
}
