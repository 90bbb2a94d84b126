import Glibc
import Testing

@testable import HTTP

/// Bodies of several files.
@Suite struct FileRangesTests {
    private func withFile(_ text: String, _ body: (OpenFile) async throws -> Void) async throws {
        let path = "/tmp/http-ranges-\(getpid())-\(text)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
        close(descriptor)
        defer { unlink(path) }
        try await body(try OpenFile(path: path))
    }

    private func withRanges(_ body: (FileRanges) async throws -> Void) async throws {
        try await withFile("abcdefgh") { first in
            try await withFile("0123") { second in
                var ranges = FileRanges()
                for (file, range) in [(first, 2..<5), (second, 1..<1), (second, 0..<4), (first, 0..<2)] {
                    ranges.append(file, range)
                }
                try await body(ranges)
            }
        }
    }

    /// The text of the ranges of ``withRanges(_:)``.
    private static let text = Array("cde0123ab".utf8)

    @Test func `an empty range is left out`() async throws {
        try await withRanges { ranges in
            #expect(ranges.length == Self.text.count)
            #expect(ranges.ranges.count == 3)
        }
        #expect(FileRanges().length == 0)
    }

    @Test func `every part of a body of several files is sent as it is`() async throws {
        try await withRanges { ranges in
            let respond: @Sendable (Request) async -> Response = { request in
                let numbers = request.head.path.dropFirst().split(separator: "-").compactMap { Int($0) }
                return Response(status: 200, body: .files(ranges[numbers[0]..<numbers[1]]))
            }
            try await withServer(respond: respond) { port, _ in
                let client = try Client(port: port)
                for start in 0...Self.text.count {
                    for end in start...Self.text.count {
                        client.send(get("/\(start)-\(end)"))
                        #expect(client.receive()?.body == Array(Self.text[start..<end]), "\(start)-\(end)")
                    }
                }
            }
        }
    }
}
