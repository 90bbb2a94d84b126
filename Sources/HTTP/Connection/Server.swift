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
    /// Connections beyond the limit, in the order in which they came.
    private var guests: [UInt64] = []
    private var isPaused = false
    /// Given up when there is no other descriptor left, so that a client that comes then is not left without a word.
    private var spare: FileDescriptor?
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
        spare = Syscalls.spare()
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

    /// Accepts no more, lets the running requests end, and ends those that take too long: at half of the time those whose
    /// bodies have not come, with an answer that says so, and at its end all others.
    ///
    /// - Parameter drain: how long requests may take to end
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

    private func hurryAll() {
        for connection in connections.values { connection.assumeIsolated { $0.hurry() } }
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
        if let place = guests.firstIndex(of: id) { guests.remove(at: place) }
        if spare == nil { spare = Syscalls.spare() }
        if isPaused { resumeAccepting() }
        guard connections.isEmpty else { return }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    package var connectionCount: Int { connections.count }

    // MARK: Called by the loop

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
                // Those that ended before they were accepted are nobody's loss.
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

    private func open(_ client: consuming FileDescriptor, of peer: PeerAddress) {
        let limits = settings.limits
        // The system gives out the lowest number that is free: a high one tells how many are in use.
        let isShort = Int(client.raw) >= Syscalls.descriptorLimit - limits.reservedDescriptors
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

    /// Ends the connections that have been silent the longest: a few at once, so that finding them costs little.
    ///
    /// - Returns: whether there is room now
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

    /// - Returns: whether there was one to give up
    private func giveUpSpare() -> Bool {
        guard spare != nil else { return false }
        spare = nil
        return true
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
