import Glibc
import HTTPTypes
import SystemCalls
import Testing

@testable import HTTP

extension ServerTests {
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
