import Foundation
import HTTPTypes
import JobContract
import Testing

@testable import Service

/// The tables of the pages in docs, held to the tables of the code.
struct PagesTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs")
        .standardized

    /// The rows of a marked table, as cells; without its head.
    private func rows(_ table: String, of page: String) throws -> [[String]] {
        let text = try String(contentsOf: Self.docs.appending(path: page), encoding: .utf8)
        let marked = try #require(text.components(separatedBy: "<!-- table: \(table) -->\n").dropFirst().first)
        let lines = marked.components(separatedBy: "\n<!-- end -->")[0].components(separatedBy: "\n")
        return lines.filter { $0.hasPrefix("|") }.dropFirst(2).map { line in
            // A bar inside a cell has a backslash before it.
            let cells = line.replacing("\\|", with: "\u{0}").split(separator: "|", omittingEmptySubsequences: false)
            return cells.dropFirst().dropLast().map {
                $0.trimmingCharacters(in: .whitespaces).replacing("\u{0}", with: "|")
            }
        }
    }

    private func text(_ value: JSONValue) -> String { value.isNull ? "—" : value.string ?? value.text() }

    @Test func `the page of the interface has every route`() throws {
        let found = try rows("routes", of: "api.md").map { [$0[0], $0[1].replacing("`", with: "")] }
        #expect(found == RouteTable.all.routes.map { [$0.method.rawValue, $0.template] })
    }

    @Test func `it has every option with its range, default and meaning`() throws {
        let expected = JobOption.all.map { ["`\($0.name)`", $0.expectation, text($0.defaultValue), $0.meaning] }
        #expect(try rows("options", of: "api.md") == expected)
    }

    @Test func `it has every code with its status and title`() throws {
        let expected = ProblemCode.allCases.map { ["`\($0.rawValue)`", String($0.status), $0.title] }
        #expect(try rows("codes", of: "api.md") == expected)
    }

    @Test func `the page of operations has every setting with its default and meaning`() throws {
        let expected = Setting.all.map { ["`\($0.name)`", text($0.defaultValue), $0.meaning] }
        #expect(try rows("settings", of: "operations.md") == expected)
    }
}
