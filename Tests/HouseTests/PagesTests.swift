import Foundation
import Testing

/// The pages of the repository: the files and places that they name exist, and comments cite no others.
private enum Pages {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    /// Page by its path below the root.
    static let all: [String: String] = {
        let folder = root.appending(path: "docs")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let paths =
            names.filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
            + ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
        return Dictionary(
            uniqueKeysWithValues: paths.map { path in
                (path, (try? String(contentsOf: root.appending(path: path), encoding: .utf8)) ?? "")
            })
    }()

    /// The anchors of a page's headings, as GitHub makes them.
    static func anchors(of text: String) -> Set<String> {
        Set(
            text.components(separatedBy: "\n").filter { $0.hasPrefix("#") }.map { line in
                let title = line.drop { $0 == "#" || $0 == " " }.lowercased()
                return String(title.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" })
                    .replacing(" ", with: "-")
            })
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }
}

@Test func `there are the pages that a repository has`() {
    let wanted = [
        "architecture", "api", "method", "formats", "operators", "operations", "security", "development", "style",
        "glossary",
    ]
    for name in wanted { #expect(Pages.all["docs/\(name).md"]?.isEmpty == false, "docs/\(name).md") }
}

@Test func `every link of a page leads somewhere`() {
    for (path, text) in Pages.all {
        for match in text.matches(of: #/\]\(([^)\s]+)\)/#) {
            let target = String(match.1)
            if target.hasPrefix("http") { continue }
            let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let folder = path.hasPrefix("docs/") ? "docs/" : ""
            let file =
                parts[0].isEmpty
                ? path : URL(filePath: "/" + folder + parts[0]).standardized.path.dropFirst().description
            #expect(Pages.exists(file), "\(path) links to \(target)")
            if parts.count > 1, let other = Pages.all[file] {
                #expect(Pages.anchors(of: other).contains(parts[1]), "\(path) links to \(target)")
            }
        }
    }
}

@Test func `every file that a page names exists`() {
    for (path, text) in Pages.all where path != "CHANGELOG.md" {
        for match in text.matches(of: #/`((?:Sources|Tests|Benchmarks|config|docker)\/[\w\/+.\-]+)`/#) {
            #expect(Pages.exists(String(match.1)), "\(path) names \(match.1)")
        }
    }
}

@Test func `a comment cites only pages that are here`() throws {
    for file in SourceFile.all {
        for (number, line) in file.lines.enumerated() {
            for match in line.matches(of: #/\b([A-Za-z]+\.md)\b/#) where line.contains("//") {
                let name = String(match.1)
                // A job's own report is no page of ours.
                if name == "report.md" { continue }
                let isHere =
                    Pages.all.keys.contains { $0 == name || $0 == "docs/\(name)" } || line.contains("onnx/")
                    || line.contains("onnxruntime/")
                #expect(isHere, "\(file.path):\(number + 1) cites \(name)")
            }
        }
    }
}

@Test func `no type or function is described by a clause`() {
    for file in SourceFile.all {
        for (number, line) in file.lines.enumerated() {
            let previous = number > 0 ? file.lines[number - 1] : ""
            let isFirst = !previous.trimmingCharacters(in: .whitespaces).hasPrefix("///")
            let begins = line.contains(#/^\s*\/\/\/ (What|Who|Whoever|Whose|Where|How|Of|By|That) /#)
            #expect(!(isFirst && begins), "\(file.path):\(number + 1) \(line)")
        }
    }
}
