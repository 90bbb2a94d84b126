import HTTPTypes
import Testing

@testable import HTTP

/// Tests with real sockets, serialised because they count connections and descriptors.
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
            // The connection can be reused.
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

            // The rest of a short body is discarded, and the connection can be reused.
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
}
