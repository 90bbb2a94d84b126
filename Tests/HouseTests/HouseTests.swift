import Foundation
import Testing

/// A source file of the project, for the tests of rules that the compiler does not check.
struct SourceFile: CustomTestStringConvertible, Sendable {
    /// The path in `Sources`, such as `HTTP/Connection/Server.swift`.
    let path: String
    let lines: [String]
    var testDescription: String { path }
    var target: String { String(path.prefix { $0 != "/" }) }

    /// The lines without comments, to which the rules do not apply.
    var code: [String] { lines.map { $0.components(separatedBy: "//")[0] } }

    static let all: [SourceFile] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources").standardized
        let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
        return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }.compactMap { url in
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
            let path = String(url.standardized.path.dropFirst(root.path.count + 1))
            return SourceFile(path: path, lines: text.components(separatedBy: "\n"))
        }
    }()
}

/// The modules of the project that each target may import.
private let arrows: [String: Set<String>] = [
    "ByteText": [],
    "Options": [],
    "SystemCalls": ["CProcess"],
    "JobContract": ["ByteText", "Options", "SystemCalls", "COpenSSL"],
    "HTTP": ["ByteText", "SystemCalls", "CEpoll"],
    "Jobs": ["ByteText", "SystemCalls", "CProcess", "JobContract"],
    "Service": ["ByteText", "SystemCalls", "HTTP", "Jobs", "JobContract", "Options"],
    "Compute": ["COneDNN", "CLAPACK"],
    "Model": ["Compute"],
    "Formats": ["ByteText", "SystemCalls", "Model", "Compute", "CZlib"],
    "Collapse": ["ByteText", "Options", "Model", "Compute"],
    "Pipeline": [
        "ByteText", "SystemCalls", "CProcess", "JobContract", "Options", "Formats", "Collapse", "Model", "Compute",
    ],
    "layercollapse": ["ByteText", "SystemCalls", "JobContract", "Options", "Pipeline", "Service"],
]

private let ourModules = Set(arrows.keys).union([
    "CEpoll", "CProcess", "COpenSSL", "CZlib", "COneDNN", "CLAPACK",
])

@Test func `there are sources to look at`() {
    #expect(Set(SourceFile.all.map(\.target)).isSuperset(of: arrows.keys))
}

@Test func `a target imports only what the design lets it`() {
    for file in SourceFile.all {
        for line in file.code where line.contains("import ") {
            let words = line.split(separator: " ").map(String.init)
            guard let place = words.firstIndex(of: "import"), let module = words.dropFirst(place + 1).first,
                words[..<place].allSatisfy({ $0 == "package" || $0.hasPrefix("@") }), ourModules.contains(module)
            else { continue }
            #expect(arrows[file.target]?.contains(module) == true, "\(file.path) imports \(module)")
        }
    }
}

@Test(arguments: ["fatalError(", "try!", "as!", "public ", "FoundationNetworking", "FIXME"])
func `sources do without`(word: String) {
    for file in SourceFile.all {
        for (number, line) in file.code.enumerated() where line.contains(word) {
            Issue.record("\(file.path):\(number + 1) has '\(word)'")
        }
    }
}

@Test func `whoever is unchecked says why`() {
    for file in SourceFile.all {
        for (number, line) in file.lines.enumerated() where line.contains("@unchecked Sendable") {
            let above = file.lines[max(0, number - 8)...number]
            #expect(above.contains { $0.contains("@unchecked:") }, "\(file.path):\(number + 1) gives no reason")
        }
    }
}
