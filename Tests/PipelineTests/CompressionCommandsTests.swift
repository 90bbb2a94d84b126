import Foundation
import Options
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct CompressionCommandsTests {
    @Test func `the commands have the options that were given, and the threads`() throws {
        let given: KeyValuePairs<String, JSONValue> = [
            "max_disagreement": 0.01, "include": ["a*", "b"], "shuffle": false, "metadata": ["secret": "x"], "seed": 0,
        ]
        let options = try JobOptions(decoding: JSONValue.Object(given.map { ($0.key, $0.value) }))
        let order = CompressionOrder(model: "/m/net.onnx", data: "/d/-x.npz", options: options, output: "/o/small.onnx")
        let commands = CompressionCommands(models: ["/m/net.onnx", "/m/net.onnx.data"], order, threads: 2).document
        #expect(
            commands["terminal"]?.string
                == "layercollapse compress net.onnx --data ./-x.npz --max-disagreement=0.01 '--include=a*' --include=b "
                + "--no-shuffle --threads=2 -o small.onnx --report report.html")
        #expect(
            commands["curl"]?.string
                == "curl -F model=@net.onnx -F model=@net.onnx.data -F data=@-x.npz -F max_disagreement=0.01 "
                + "-F shuffle=false -F threads=2 --form-string $'config=\\x7B\\x22include\\x22:\\x5B\\x22a\\x2A\\x22,"
                + "\\x22b\\x22\\x5D\\x7D' http://127.0.0.1:8080/v1/jobs")
    }

    /// The shell itself says what it reads.
    @Test(arguments: [
        "", "plain-1.onnx", "with blank", "it's", "<b>&amp;[x](y)`id`", "$HOME \\n", "line\nend\u{7}",
        "\u{600}<é>日本\u{202E}", "*~!",
        "😀",
    ])
    func `a shell reads a quoted word as what it was`(text: String) throws {
        let word = ShellWord.quoted(text)
        #expect(!word.utf8.contains { Array("<>&[]`\n".utf8).contains($0) })
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", "printf %s \(word)"]
        process.environment = ["LC_ALL": "C.UTF-8"]
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(Array(output) == Array(text.utf8))
    }
}
