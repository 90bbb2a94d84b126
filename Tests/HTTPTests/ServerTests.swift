import Glibc
import HTTPTypes
import Synchronization
import Testing

@testable import HTTP

private func get(_ path: String = "/a", _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

/// Real sockets, one after the other: their tests count connections and descriptors.
@Suite(.serialized) struct ServerTests {
    @Test func `a connection serves one request after another`() async throws {
        try await withServer { port, _ in
            let client = try Client(port: port)
            for number in 0..<100 {
                client.send(get("/\(number)"))
                let answer = try #require(client.receive())
                #expect(answer.status == 200)
                #expect(text(answer.body) == "/\(number)")
                #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
                #expect(answer.headers["connection"] == nil)
            }
        }
    }

    @Test func `requests that come at once are answered in their order`() async throws {
        try await withServer { port, _ in
            let client = try Client(port: port)
            client.send((0..<500).map { get("/\($0)") }.joined())
            for number in 0..<500 { #expect(client.receive().map { text($0.body) } == "/\(number)") }
        }
    }

    @Test func `a request may come byte by byte`() async throws {
        try await withServer { port, _ in
            let client = try Client(port: port)
            for byte in bytes(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n")
            {
                client.send([byte])
            }
            #expect(client.receive().map { text($0.body) } == "abc")
        }
    }

    @Test func `a body in chunks comes back whole`() async throws {
        try await withServer { port, _ in
            let client = try Client(port: port)
            let piece = [UInt8](repeating: 0x61, count: 50_000)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<40 { client.send(bytes(String(piece.count, radix: 16) + "\r\n") + piece + bytes("\r\n")) }
            client.send("0\r\n\r\n")
            let answer = try #require(client.receive())
            #expect(answer.body.count == 2_000_000)
            #expect(answer.body.allSatisfy { $0 == 0x61 })
            // And the connection goes on.
            client.send(get())
            #expect(client.receive()?.status == 200)
        }
    }

    @Test func `a client that waits is told to go on, or gets its answer instead`() async throws {
        let respond: @Sendable (Request) async -> Response = { request in
            request.head.path == "/no" ? Response(status: 403, body: .bytes(bytes("no"))) : await echo(request)
        }
        try await withServer(respond: respond) { port, _ in
            let fields = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            let client = try Client(port: port)
            client.send("POST / HTTP/1.1\r\n" + fields)
            #expect(client.receive()?.status == 100)
            client.send("hello")
            #expect(client.receive().map { text($0.body) } == "hello")
            client.send("POST /no HTTP/1.1\r\n" + fields)
            let answer = try #require(client.receive())
            #expect(answer.status == 403)
            #expect(answer.headers["connection"] == "close")
            #expect(client.isAtEnd())
        }
    }

    @Test func `a client that sends too much sees why, although it goes on sending`() async throws {
        var limits = Limits()
        limits.bodyBytes = 1000
        try await withServer(limits: limits) { port, _ in
            let client = try Client(port: port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
            #expect(client.send([UInt8](repeating: 0, count: 20_000_000)))
            let answer = try #require(client.receive())
            #expect(answer.status == 413)
            #expect(answer.headers["connection"] == "close")
            #expect(client.isAtEnd())
        }
    }

    @Test func `an answer before the end of a body is seen as well`() async throws {
        try await withServer(respond: { _ in Response(status: 401) }) { port, _ in
            let client = try Client(port: port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
            #expect(client.send([UInt8](repeating: 0, count: 20_000_000)))
            #expect(client.receive()?.status == 401)
            #expect(client.isAtEnd())

            // What is left of a short one is read, and the connection goes on.
            let other = try Client(port: port)
            for _ in 0..<3 {
                other.send(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 1000))
                #expect(other.receive()?.status == 401)
            }
        }
    }

    @Test func `HEAD has the headers of GET and no body`() async throws {
        let respond: @Sendable (Request) async -> Response = { request in
            switch request.head.path {
            case "/stream": Response(status: 200, body: .stream { try await $0.write(bytes("x")) })
            case "/404": Response(status: 404, body: .bytes(bytes("nothing")))
            default: Response(status: 200, headers: [.eTag: "\"t\""], body: .bytes(bytes("hello")))
            }
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port)
            for path in ["/", "/404", "/stream"] {
                client.send(get(path))
                var whole = try #require(client.receive())
                client.send("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                var head = try #require(client.receive(hasBody: false))
                #expect(head.status == whole.status)
                (whole.headers["date"], head.headers["date"]) = (nil, nil)
                #expect(head.headers == whole.headers)
            }
            client.send(get())
            #expect(client.receive().map { text($0.body) } == "hello")
        }
    }

    @Test(arguments: [204, 304]) func `some answers have no body and no length`(status: Int) async throws {
        try await withServer(respond: { _ in Response(status: status, body: .bytes(bytes("x"))) }) { port, _ in
            let client = try Client(port: port)
            for _ in 0..<2 {
                client.send(get())
                let answer = try #require(client.receive())
                #expect(answer.status == status)
                #expect(answer.headers["content-length"] == nil)
                #expect(answer.headers["transfer-encoding"] == nil)
            }
        }
    }

    @Test func `a client that has ended its side is answered`() async throws {
        try await withServer { port, _ in
            let client = try Client(port: port)
            client.send(get("/1") + get("/2"))
            client.sendEnd()
            #expect(client.receive().map { text($0.body) } == "/1")
            #expect(client.receive().map { text($0.body) } == "/2")
            #expect(client.isAtEnd())
        }
    }

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
            Response(
                status: 200, body: .file(file, request.head.path == "/part" ? 1_000_000..<2_000_001 : 0..<file.length))
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port)
            client.send(get("/") + get("/part") + get("/"))
            #expect(client.receive()?.body == content)
            #expect(client.receive()?.body == Array(content[1_000_000..<2_000_001]))
            #expect(client.receive()?.body == content)
        }
    }

    @Test func `an answer that would be two is none`() async throws {
        try await withServer(respond: { _ in Response(status: 42) }) { port, _ in
            let client = try Client(port: port)
            client.send(get())
            #expect(client.receive()?.status == 500)
            #expect(client.isAtEnd())
        }
    }

    @Test(arguments: HeadVector.all.filter { $0.status != 200 })
    func `what is refused is told to the client, and ends the connection`(vector: HeadVector) async throws {
        try await withServer { port, _ in
            let client = try Client(port: port)
            client.send(bytes(vector.input) + bytes(get()))
            client.sendEnd()
            #expect(client.receive()?.status == vector.status)
            #expect(client.isAtEnd())
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
                // A reset can overtake the request; by now the handler is at work.
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
                    for _ in 0..<1000 {
                        written.add(piece.count, ordering: .relaxed)
                        try await writer.write(piece)
                    }
                })
        }
        try await withServer(respond: respond) { port, _ in
            let client = try Client(port: port, receiveBuffer: 65_536)
            client.send(get())
            var total = 0
            // The kernel's two buffers and ours lie between what was written and what was read.
            let room = 20_000_000
            let answer = try #require(client.receive(hasBody: false))
            #expect(answer.headers["transfer-encoding"] == "chunked")
            while let chunk = client.receiveChunk(), !chunk.isEmpty {
                total += chunk.count
                #expect(written.load(ordering: .relaxed) - total < room)
            }
            #expect(total == 100_000_000)
        }
    }

    @Test func `a client does not run ahead of a handler that reads slowly`() async throws {
        let (asked, question) = AsyncStream.makeStream(of: Void.self)
        let respond: @Sendable (Request) async -> Response = { request in
            var iterator = asked.makeAsyncIterator()
            _ = await iterator.next()
            var total = 0
            while let more = try? await request.nextBytes() {
                // No piece is larger than what is read ahead and one more read.
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

    @Test func `beyond the limit of connections a client is told so`() async throws {
        var limits = Limits()
        limits.connections = 2
        limits.refusals = 1
        try await withServer(limits: limits) { port, server in
            do {
                let clients = try (0..<2).map { _ in try Client(port: port) }
                for client in clients {
                    client.send(get())
                    #expect(client.receive()?.status == 200)
                }
                let third = try Client(port: port)
                #expect(third.receive()?.status == 503)
                #expect(third.isAtEnd())
                let fourth = try Client(port: port)
                #expect(fourth.isAtEnd())
            }
            while await server.connectionCount > 0 { await Task.yield() }
            let client = try Client(port: port)
            client.send(get())
            #expect(client.receive()?.status == 200)
        }
    }

    @Test func `thousands of clients that come and go in every way leave nothing behind`() async throws {
        try await withServer { port, server in
            let before = openDescriptors()
            for number in 0..<2000 {
                let client = try Client(port: port)
                switch number % 8 {
                case 0: client.resetOnClose()
                case 1: client.send(get())
                case 2:
                    client.send(get())
                    client.resetOnClose()
                case 3:
                    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
                    client.resetOnClose()
                case 4: client.send("GET /a HTT")
                case 5:
                    client.send(get())
                    client.sendEnd()
                    #expect(client.receive()?.status == 200)
                case 6:
                    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
                    client.sendEnd()
                default:
                    client.send("nonsense\r\n\r\n")
                    client.resetOnClose()
                }
            }
            while await server.connectionCount > 0 { await Task.yield() }
            #expect(openDescriptors() <= before)
            let client = try Client(port: port)
            client.send(get())
            #expect(client.receive()?.status == 200)
        }
    }

    @Test func `a server that stops finishes what it has begun`() async throws {
        let gate = DispatchGate()
        let (entered, continuation) = AsyncStream.makeStream(of: Void.self)
        let respond: @Sendable (Request) async -> Response = { request in
            if request.head.path == "/slow" {
                continuation.yield()
                gate.wait()
            }
            return Response(status: 200, body: .bytes(bytes("done")))
        }
        try await withServer(respond: respond) { port, server in
            let idle = try Client(port: port)
            idle.send(get())
            #expect(idle.receive()?.status == 200)
            let busy = try Client(port: port)
            busy.send(get("/slow"))
            var iterator = entered.makeAsyncIterator()
            _ = await iterator.next()
            async let stopped: Void = server.stop(within: .seconds(30))
            #expect(idle.isAtEnd())
            gate.open()
            let answer = try #require(busy.receive())
            #expect(text(answer.body) == "done")
            #expect(answer.headers["connection"] == "close")
            #expect(busy.isAtEnd())
            await stopped
            #expect(!Client.canConnect(port: port))
        }
    }

    @Test func `a server that stops does not wait for ever`() async throws {
        let respond: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream { writer in
                    try await writer.write(bytes("x"))
                    try await Task.sleep(for: .seconds(3600))
                })
        }
        try await withServer(respond: respond) { port, server in
            let client = try Client(port: port)
            client.send(get())
            #expect(client.receive(hasBody: false)?.status == 200)
            #expect(client.receiveChunk() == bytes("x"))
            await server.stop(within: .zero)
            #expect(client.receiveChunk() == nil)
        }
    }

    @Test func `a port that is taken is an error, and so is a host that does not exist`() async throws {
        try await withServer { port, _ in
            #expect(
                throws: ServerError.cannotListen(
                    host: "127.0.0.1", port: port, SystemError(call: "bind", code: EADDRINUSE))
            ) {
                try otherServer(host: "127.0.0.1", port: port)
            }
        }
        #expect(throws: ServerError.unknownHost("no such host")) { try otherServer(host: "no such host", port: 0) }
    }
}
