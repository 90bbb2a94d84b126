import Foundation
import Glibc
import Testing

@testable import JobContract
@testable import Service

/// The log while its reader stalls, and after it resumes.
struct LogWriterTests {
    /// A pipe whose writing end blocks once it is full.
    private final class Pipe: Sendable {
        let (input, output): (CInt, CInt)

        init() {
            var ends: [CInt] = [0, 0]
            _ = pipe(&ends)
            (input, output) = (ends[0], ends[1])
        }

        deinit { _ = (close(input), close(output)) }

        /// Reads until `isEnough` is true.
        func read(until isEnough: (String) -> Bool) -> String {
            var text = ""
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while !isEnough(text) {
                let count = Glibc.read(input, &buffer, buffer.count)
                guard count > 0 else { break }
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            return text
        }
    }

    @Test func `lines come out in their order`() {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.output)
        for number in 0..<100 { writer.write("\(number)") }
        writer.flush(within: .seconds(30))
        let text = pipe.read { $0.hasSuffix("99\n") }
        #expect(text == (0..<100).map { "\($0)\n" }.joined())
    }

    @Test func `a reader that stalls holds up nobody, and is told how much it has missed`() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.output, limitBytes: 10_000)
        let line = String(repeating: "x", count: 999)
        // More than the pipe and the queue hold together.
        for _ in 0..<200 { writer.write(line) }
        var (written, dropped) = (0, 0)
        _ = pipe.read { text in
            guard text.hasSuffix("\n") else { return false }
            let lines = text.split(separator: "\n")
            written = lines.count { $0 == line }
            dropped = lines.filter { $0 != line }.compactMap {
                (try? JSONParser.parse(Array($0.utf8)))?["dropped"]?.int
            }.reduce(0, +)
            return written + dropped == 200
        }
        #expect(dropped > 0)
        #expect(writer.dropped == 0)
        writer.write("again")
        #expect(pipe.read { $0.hasSuffix("again\n") }.hasSuffix("again\n"))
    }

    @Test func `a log that is closed is no reason to stop`() {
        let writer = LogWriter(descriptor: -1)
        writer.write("lost")
        writer.flush(within: .seconds(30))
    }
}
