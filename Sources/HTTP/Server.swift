package import Logging

/// Listens, and owns the connections. An actor on the event loop.
package actor Server: EventReceiver {
    /// What every connection is given.
    struct Settings: Sendable {
        let limits: Limits
        let handler: Handler
        let workers: Workers
        let logger: Logger
    }

    /// Between two attempts to accept when the system has no descriptor left.
    private static let pause = Duration.milliseconds(250)
    private static let backlog: CInt = 1024
    private static let acceptsPerEvent = 64

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Where it listens.
    package nonisolated let port: UInt16

    private let loop: EventLoop
    private let settings: Settings
    private var socket: FileDescriptor?
    private var id: UInt64 = 0
    private var connections: [UInt64: Connection] = [:]
    private var peers: [PeerAddress: Int] = [:]
    private var isPaused = false
    /// Whoever waits for the last connection to end.
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Opens the socket; nothing is accepted before ``start()``.
    ///
    /// - Parameters:
    ///   - host: address or name to listen on
    ///   - port: 0 takes a free one
    ///   - limits: what clients may do
    ///   - workers: threads that answer requests
    ///   - logger: gets what clients do not see
    ///   - handler: answers
    /// - Throws: ``ServerError``
    package init(
        host: String, port: UInt16, limits: Limits, workers: Int, logger: Logger, handler: Handler
    ) throws(ServerError) {
        let socket = try Syscalls.listen(host: host, port: port, backlog: Self.backlog)
        Syscalls.ignoreBrokenPipes()
        do throws(SystemError) {
            self.port = try Syscalls.port(of: socket)
            loop = try EventLoop()
        } catch {
            throw .system(error)
        }
        self.socket = consume socket
        settings = Settings(limits: limits, handler: handler, workers: Workers(count: workers), logger: logger)
    }

    /// Begins to accept.
    ///
    /// - Throws: ``ServerError``
    package func start() throws(ServerError) {
        guard let raw = socket?.raw else { return }
        do throws(SystemError) {
            id = try loop.register(raw, self, for: .read)
        } catch {
            throw .system(error)
        }
    }

    /// Accepts no more, lets the running requests end, and ends those that take too long.
    ///
    /// - Parameter drain: how long requests may take to end
    package func stop(within drain: Duration) async {
        loop.forget(id)
        socket = nil
        for connection in connections.values { await connection.stop() }
        let deadline = Task {
            try await Task.sleep(for: drain)
            abortAll()
        }
        if !connections.isEmpty { await withCheckedContinuation { waiting.append($0) } }
        deadline.cancel()
        loop.stop()
    }

    private func abortAll() {
        if !connections.isEmpty {
            settings.logger.notice(
                "requests were cut off", metadata: ["connections": .stringConvertible(connections.count)])
        }
        for connection in connections.values { connection.assumeIsolated { $0.abort() } }
    }

    func connectionClosed(_ id: UInt64) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        let others = peers[connection.peer, default: 1] - 1
        peers[connection.peer] = others > 0 ? others : nil
        guard connections.isEmpty else { return }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    package var connectionCount: Int { connections.count }

    // MARK: Called by the loop

    nonisolated func descriptorReady(_ ready: Interest) { assumeIsolated { $0.acceptAll() } }

    nonisolated func timeHasCome() {
        assumeIsolated { server in
            guard server.isPaused, let socket = server.socket?.raw else { return }
            server.isPaused = false
            server.loop.change(server.id, socket, to: .read)
        }
    }

    private func acceptAll() {
        for _ in 0..<Self.acceptsPerEvent {
            do throws(SystemError) {
                var peer = PeerAddress()
                guard let client = try accept(from: &peer) else { return }
                open(client, of: peer)
            } catch {
                // Those that ended before they were accepted are nobody's loss.
                if Syscalls.isLostConnection(error) { continue }
                pauseAccepting(after: error)
                return
            }
        }
    }

    private func accept(from peer: inout PeerAddress) throws(SystemError) -> FileDescriptor? {
        guard let raw = socket?.raw else { return nil }
        return try Syscalls.accept(raw, from: &peer)
    }

    private func open(_ client: consuming FileDescriptor, of peer: PeerAddress) {
        let limits = settings.limits
        // Beyond the few that are told so, the only answer is the end.
        guard connections.count < limits.connections + limits.refusals else { return }
        let connection = Connection(client, of: peer, server: self, loop: loop, settings: settings)
        let isTurnedAway =
            connections.count >= limits.connections || peers[peer, default: 0] >= limits.connectionsPerAddress
        let id = connection.assumeIsolated { $0.open(isTurnedAway: isTurnedAway) }
        guard let id else { return }
        connections[id] = connection
        peers[peer, default: 0] += 1
    }

    /// The connection that cannot be accepted would be reported again at once, and again.
    private func pauseAccepting(after error: SystemError) {
        settings.logger.warning("connections cannot be accepted", metadata: ["error": "\(error)"])
        guard let raw = socket?.raw else { return }
        isPaused = true
        loop.change(id, raw, to: [])
        loop.schedule(id, at: .now + Self.pause)
    }
}
