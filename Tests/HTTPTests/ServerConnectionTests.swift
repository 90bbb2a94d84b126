import HTTPTypes
import Testing

@testable import HTTP

extension ServerTests {
    @Test func `beyond the limit of connections a client is told so, unless it asks whether the server lives`()
        async throws
    {
        var limits = Limits()
        limits.connections = 2
        limits.silenceBeforeEviction = .seconds(60)
        try await withServer(limits: limits, answersWhenFull: { $0.path == "/livez" }) { port, server in
            do {
                let clients = try (0..<2).map { _ in try Client(port: port) }
                for client in clients { client.send("GET /a HTTP/1.1\r\n") }
                while await server.connectionCount < 2 { await Task.yield() }
                let third = try Client(port: port)
                third.send(get())
                #expect(third.receive()?.status == 503)
                #expect(third.isAtEnd())
                let watcher = try Client(port: port)
                watcher.send(get("/livez"))
                #expect(watcher.receive()?.status == 200)
                #expect(watcher.isAtEnd())
            }
            while await server.connectionCount > 0 { await Task.yield() }
            let client = try Client(port: port)
            client.send(get())
            #expect(client.receive()?.status == 200)
        }
    }

    @Test func `of those that have no room the first goes when there are too many`() async throws {
        var limits = Limits()
        limits.connections = 1
        limits.guests = 1
        limits.silenceBeforeEviction = .seconds(60)
        limits.guestTime = .seconds(60)
        try await withServer(limits: limits) { port, _ in
            let first = try Client(port: port)
            first.send("GET /a HTTP/1.1\r\n")
            let second = try Client(port: port)
            let third = try Client(port: port)
            third.send(get())
            #expect(third.receive()?.status == 503)
            #expect(second.isAtEnd())
        }
    }

    @Test func `a full server ends the connection that has been silent the longest`() async throws {
        var limits = Limits()
        limits.connections = 2
        limits.silenceBeforeEviction = .milliseconds(10)
        try await withServer(limits: limits) { port, _ in
            let clients = try (0..<2).map { _ in try Client(port: port) }
            for client in clients {
                client.send(get())
                #expect(client.receive()?.status == 200)
                try await Task.sleep(for: .milliseconds(20))
            }
            let third = try Client(port: port)
            third.send(get())
            #expect(third.receive()?.status == 200)
            #expect(clients[0].isAtEnd())
            clients[1].send(get())
            #expect(clients[1].receive()?.status == 200)
        }
    }

    @Test func `descriptors are kept free of connections`() async throws {
        var limits = Limits()
        // Reserves all descriptors, so that every connection is beyond the limit.
        limits.reservedDescriptors = 1 << 30
        limits.silenceBeforeEviction = .seconds(60)
        try await withServer(limits: limits, answersWhenFull: { $0.path == "/livez" }) { port, _ in
            let client = try Client(port: port)
            client.send(get())
            #expect(client.receive()?.status == 503)
            let watcher = try Client(port: port)
            watcher.send(get("/livez"))
            #expect(watcher.receive()?.status == 200)
        }
    }

    @Test func `one address does not get all connections`() async throws {
        var limits = Limits()
        limits.connectionsPerAddress = 1
        try await withServer(limits: limits) { port, server in
            do {
                let first = try Client(port: port)
                first.send(get())
                #expect(first.receive()?.status == 200)
                let second = try Client(port: port)
                second.send(get())
                #expect(second.receive()?.status == 503)
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

    @Test func `a client that is silent is let go, and one that dawdles is told so`() async throws {
        var limits = Limits()
        limits.headTime = .milliseconds(40)
        limits.idleTime = .milliseconds(120)
        limits.lingerSilence = .milliseconds(10)
        try await withServer(limits: limits) { port, _ in
            let silent = try Client(port: port)
            #expect(silent.isAtEnd())
            let idle = try Client(port: port)
            idle.send(get())
            #expect(idle.receive()?.status == 200)
            #expect(idle.isAtEnd())
            let dawdling = try Client(port: port)
            dawdling.send("GET /")
            #expect(dawdling.receive()?.status == 408)
            #expect(dawdling.isAtEnd())
        }
    }

    @Test func `a client that sends its body too slowly is told so`() async throws {
        var limits = Limits()
        limits.rate.window = .milliseconds(40)
        try await withServer(limits: limits) { port, _ in
            let client = try Client(port: port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
            #expect(client.receive()?.status == 408)
            #expect(client.isAtEnd())
        }
    }

    @Test func `a client that does not read its answer is cut off`() async throws {
        var limits = Limits()
        limits.rate.window = .milliseconds(40)
        let (ended, continuation) = AsyncStream.makeStream(of: BodyError?.self)
        let respond: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream { writer in
                    let piece = [UInt8](repeating: 0x61, count: 100_000)
                    do throws(BodyError) {
                        while true { try await writer.write(piece) }
                    } catch {
                        continuation.yield(error)
                        throw error
                    }
                })
        }
        try await withServer(limits: limits, respond: respond) { port, _ in
            let client = try Client(port: port)
            client.send(get())
            var iterator = ended.makeAsyncIterator()
            #expect(await iterator.next() == .some(.gone))
        }
    }
}
