import Glibc
import HTTPTypes
import Synchronization
import Testing

@testable import HTTP

extension ServerTests {
    @Test func `a stream comes in chunks, and to an old client until the end`() async throws {
        let respond: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream { writer in
                    for number in 0..<1000 { try await writer.write(bytes("line \(number)\n")) }
                    try await writer.write([])
                })
        }
        let expected = (0..<1000).map { "line \($0)\n" }.joined()
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port)
            for _ in 0..<2 {
                client.send(get())
                let answer = try #require(client.receive())
                #expect(answer.headers["transfer-encoding"] == "chunked")
                #expect(text(answer.body) == expected)
            }
            let old = try Client(port: port)
            old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try #require(old.receive())
            #expect(answer.headers["transfer-encoding"] == nil)
            #expect(answer.headers["connection"] == "close")
            #expect(text(answer.body) == expected)
        }
    }

    @Test func `a stream that breaks off is not taken for a whole one`() async throws {
        struct Broken: Error {}
        let respond: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream { writer in
                    try await writer.write(bytes("x"))
                    throw Broken()
                })
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port)
            client.send(get())
            let answer = try #require(client.receive())
            #expect(text(answer.body) == "x")
            #expect(!answer.isComplete)
        }
    }

    @Test func `a file is sent as it is, and in part`() async throws {
        let path = "/tmp/http-test-\(getpid())"
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(content.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == content.count)
        close(descriptor)
        defer { unlink(path) }
        let file = try OpenFile(path: path)
        let respond: @Sendable (Request) async -> Response = { request in
            let whole = FileRanges(file)
            return Response(
                status: 200, body: .files(request.head.path == "/part" ? whole[1_000_000..<2_000_001] : whole))
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port)
            client.send(get("/") + get("/part") + get("/"))
            #expect(client.receive()?.body == content)
            #expect(client.receive()?.body == Array(content[1_000_000..<2_000_001]))
            #expect(client.receive()?.body == content)
        }
    }

    @Test func `a handler that streams is stopped when its client leaves`() async throws {
        let ended = Mutex<[String]>([])
        let (stopped, continuation) = AsyncStream.makeStream(of: Void.self)
        let respond: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream { writer in
                    let piece = [UInt8](repeating: 0x61, count: 10_000)
                    do {
                        while true { try await writer.write(piece) }
                    } catch {
                        ended.withLock { $0.append("\(error), \(Task.isCancelled)") }
                        continuation.yield()
                        throw error
                    }
                })
        }
        try await withServer(respond: respond) { port, server in
            for isReset in [true, false] {
                let client = try Client(port: port)
                client.send(get())
                // Waits for the head, since a reset could overtake the request.
                #expect(client.receive(hasBody: false)?.status == 200)
                if isReset { client.resetOnClose() }
            }
            var iterator = stopped.makeAsyncIterator()
            for _ in 0..<2 { _ = await iterator.next() }
            #expect(ended.withLock(\.self) == Array(repeating: "\(BodyError.gone), true", count: 2))
            while await server.connectionCount > 0 { await Task.yield() }
        }
    }

    @Test func `a handler does not run ahead of a client that reads slowly`() async throws {
        let written = Atomic(0)
        let respond: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream { writer in
                    let piece = [UInt8](repeating: 0x61, count: 100_000)
                    for _ in 0..<400 {
                        written.add(piece.count, ordering: .relaxed)
                        try await writer.write(piece)
                    }
                })
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port, receiveBuffer: 65_536)
            client.send(get())
            var total = 0
            // Two kernel buffers and the server's are between writer and reader.
            let room = 20_000_000
            let answer = try #require(client.receive(hasBody: false))
            #expect(answer.headers["transfer-encoding"] == "chunked")
            while let chunk = client.receiveChunk(), !chunk.isEmpty {
                total += chunk.count
                #expect(written.load(ordering: .relaxed) - total < room)
            }
            #expect(total == 40_000_000)
        }
    }

    @Test func `a client does not run ahead of a handler that reads slowly`() async throws {
        let (asked, question) = AsyncStream.makeStream(of: Void.self)
        let respond: @Sendable (Request) async -> Response = { request in
            var iterator = asked.makeAsyncIterator()
            _ = await iterator.next()
            var total = 0
            while let more = try? await request.nextBytes() {
                // A piece is at most the read-ahead and one more read.
                if more.count > 400_000 { return Response(status: 500) }
                total += more.count
            }
            return Response(status: 200, body: .bytes(bytes("\(total)")))
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
            client.send([UInt8](repeating: 0, count: 300_000))
            question.yield()
            client.send([UInt8](repeating: 0, count: 49_700_000))
            #expect(client.receive().map { text($0.body) } == "50000000")
        }
    }

    @Test func `handlers that block do not hold up each other beyond their number, nor the sockets`() async throws {
        let gate = DispatchGate()
        let respond: @Sendable (Request) async -> Response = { request in
            if request.head.path == "/block" { gate.wait() }
            return Response(status: 200, body: .bytes(bytes(request.head.path)))
        }
        try await withServer(workers: 3, respond: respond) { port, _ in
            let blocked = try (0..<2).map { _ in try Client(port: port) }
            for client in blocked { client.send(get("/block")) }
            let free = try Client(port: port)
            for _ in 0..<50 {
                free.send(get("/free"))
                #expect(free.receive().map { text($0.body) } == "/free")
            }
            for _ in blocked { gate.open() }
            for client in blocked { #expect(client.receive().map { text($0.body) } == "/block") }
        }
    }
}
