package import Logging
import SystemCalls

/// The listening server and owner of the connections: an actor on the event loop.
package actor Server: EventReceiver {
    /// The settings shared by all connections.
    struct Settings: Sendable {
        let limits: Limits
        let handler: Handler
        let workers: Workers
        let logger: Logger
    }

    /// The pause between attempts to accept when the system has no descriptor left.
    private static let pause = Duration.milliseconds(250)
    private static let backlog: CInt = 1024
    private static let acceptsPerEvent = 64

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// The port on which the server listens.
    package nonisolated let port: UInt16

    private let loop: EventLoop
    private let settings: Settings
    private var socket: FileDescriptor?
    private var id: UInt64 = 0
    private var connections: [UInt64: Connection] = [:]
    private var peers: [PeerAddress: Int] = [:]
    /// Connections beyond the limit, oldest first.
    private var guests: [UInt64] = []
    private var isPaused = false
    /// A reserve closed when no other descriptor is left, so that the next client can still get a response.
    private var spare: FileDescriptor?
    /// Continuations that wait for the last connection to end.
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Opens the socket; connections are accepted after ``start()``.
    ///
    /// - Parameters:
    ///   - host: the address or name to listen on
    ///   - port: the port; 0 for a free one
    ///   - limits: the limits for clients
    ///   - workers: the number of threads for handlers
    ///   - logger: the log, which receives details that clients do not see
    ///   - handler: the handler of all requests
    /// - Throws: ``ServerError`` when the socket cannot be opened
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
        self.socket = socket
        spare = Syscalls.spare()
        settings = Settings(limits: limits, handler: handler, workers: Workers(count: workers), logger: logger)
    }

    /// Starts to accept connections.
    ///
    /// - Throws: ``ServerError`` when the socket cannot be watched
    package func start() throws(ServerError) {
        guard let raw = socket?.raw else { return }
        do throws(SystemError) {
            id = try loop.register(raw, self, for: .read)
        } catch {
            throw .system(error)
        }
    }

    /// Stops accepting and waits for running requests. After half of the time, requests with incomplete bodies are
    /// refused; at its end, all others are aborted.
    ///
    /// - Parameter drain: the time within which requests must end
    package func stop(within drain: Duration) async {
        loop.forget(id)
        socket = nil
        for connection in connections.values { await connection.stop() }
        let deadline = Task {
            try await Task.sleep(for: drain / 2)
            hurryAll()
            try await Task.sleep(for: drain / 2)
            abortAll()
        }
        if !connections.isEmpty { await withCheckedContinuation { waiting.append($0) } }
        deadline.cancel()
        loop.stop()
    }

    private func hurryAll() { for connection in connections.values { connection.assumeIsolated { $0.hurry() } } }

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
        if let place = guests.firstIndex(of: id) { guests.remove(at: place) }
        if spare == nil { spare = Syscalls.spare() }
        if isPaused { resumeAccepting() }
        guard connections.isEmpty else { return }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    package var connectionCount: Int { connections.count }

    // MARK: Called by the event loop

    nonisolated func descriptorReady(_ ready: Interest) { assumeIsolated { $0.acceptAll() } }

    nonisolated func timeHasCome() {
        assumeIsolated { server in
            if server.isPaused { server.resumeAccepting() }
        }
    }

    private func resumeAccepting() {
        guard let socket = socket?.raw else { return }
        isPaused = false
        loop.change(id, socket, to: .read)
    }

    private func acceptAll() {
        for _ in 0..<Self.acceptsPerEvent {
            do throws(SystemError) {
                var peer = PeerAddress()
                guard let client = try accept(from: &peer) else { return }
                open(client, of: peer)
            } catch {
                // A connection that ended before it was accepted needs no handling.
                if Syscalls.isLostConnection(error) { continue }
                if error.isPassing, makeRoom() || giveUpSpare() { continue }
                pauseAccepting(after: error)
                return
            }
        }
    }

    private func accept(from peer: inout PeerAddress) throws(SystemError) -> FileDescriptor? {
        guard let raw = socket?.raw else { return nil }
        return try Syscalls.accept(raw, from: &peer)
    }

    private func open(_ client: FileDescriptor, of peer: PeerAddress) {
        let limits = settings.limits
        // The system assigns the lowest free number, so the number shows how many descriptors are in use.
        let isShort = Int(client.raw) >= DescriptorLimit.current - limits.reservedDescriptors
        let isFull = isShort || connections.count - guests.count >= limits.connections
        let hasRoom = !isFull || makeRoom()
        let isGuest = !hasRoom || peers[peer, default: 0] >= limits.connectionsPerAddress
        if isGuest, guests.count >= limits.guests, let first = guests.first {
            connections[first]?.assumeIsolated { $0.evict() }
        }
        let connection = Connection(
            client, of: peer, isGuest: isGuest, server: self, loop: loop, settings: settings)
        guard let id = connection.assumeIsolated({ $0.open() }) else { return }
        connections[id] = connection
        peers[peer, default: 0] += 1
        if isGuest { guests.append(id) }
    }

    /// Closes the connections with the longest silence: a few at once, so that the search is rare.
    ///
    /// - Returns: whether a connection was closed
    private func makeRoom() -> Bool {
        let now = ContinuousClock.now
        var silent: [(from: ContinuousClock.Instant, connection: Connection)] = []
        for connection in connections.values {
            guard let from = connection.assumeIsolated({ $0.evictableFrom }), from <= now else { continue }
            silent.append((from, connection))
        }
        silent.sort { $0.from < $1.from }
        let few = silent.prefix(max(1, connections.count / 256))
        for (_, connection) in few { connection.assumeIsolated { $0.evict() } }
        return !few.isEmpty
    }

    /// Closes the spare descriptor.
    ///
    /// - Returns: whether there was one
    private func giveUpSpare() -> Bool {
        guard spare != nil else { return false }
        spare = nil
        return true
    }

    /// Stops watching the socket for a while: epoll would report a connection that cannot be accepted again and again.
    private func pauseAccepting(after error: SystemError) {
        settings.logger.warning("connections cannot be accepted", metadata: ["error": "\(error)"])
        guard let raw = socket?.raw else { return }
        isPaused = true
        loop.change(id, raw, to: [])
        loop.schedule(id, at: .now + Self.pause)
    }
}
