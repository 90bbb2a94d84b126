import Foundation
import Testing

@testable import Formats

/// The page of operators, held to the operators that can be lowered.
@Test func `the page has every operator that can be run, and no other`() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/operators.md")
        .standardized
    let text = try String(contentsOf: page, encoding: .utf8)
    let marked = try #require(text.components(separatedBy: "<!-- table: operators -->\n").dropFirst().first)
    let lines = marked.components(separatedBy: "\n<!-- end -->")[0].components(separatedBy: "\n")
    let names = lines.compactMap { $0.firstMatch(of: #/^\| `([\w.]+)` \|/#).map { String($0.1) } }
    #expect(Set(names) == ONNXLowering.supported)
    #expect(names == names.sorted())
    #expect(text.contains("The lowering knows \(names.count) operators"))
}
