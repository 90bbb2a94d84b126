import HTTPTypes
import Logging
import SystemCalls

/// The connection of one client: an actor on the event loop that carries out the actions of ``ConnectionState``.
actor Connection: EventReceiver {
    private static let receiveBytes = 64 << 10
    /// The maximum number of bytes per event, so that a fast client does not delay the others.
    private static let bytesPerEvent = 128 << 10

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    nonisolated let peer: PeerAddress

    private let loop: EventLoop
    private let server: Server
    private let handler: Handler
    private let isGuest: Bool
    private let limits: Limits
    private let logger: Logger
    private let workers: Workers
    private var socket: FileDescriptor?
    private var id: UInt64 = 0
    private var interest: Interest = .read
    private var state: ConnectionState
    private var output = OutputQueue()
    /// The number of the current request, so that the handler of an earlier one cannot touch a later one.
    private var exchange = 0
    private var head: RequestHead?
    private var task: Task<Void, Never>?
    /// The continuation of a handler that waits for the body.
    private var pull: CheckedContinuation<Result<[UInt8]?, BodyError>, Never>?
    /// The continuation of a handler that waits until the client has read enough.
    private var push: CheckedContinuation<Void, Never>?

    init(
        _ socket: FileDescriptor, of peer: PeerAddress, isGuest: Bool, server: Server, loop: EventLoop,
        settings: Server.Settings
    ) {
        (self.isGuest, self.peer, self.socket, self.server, self.loop) = (isGuest, peer, socket, server, loop)
        handler = settings.handler
        limits = settings.limits
        logger = settings.logger
        workers = settings.workers
        state = ConnectionState(limits: settings.limits, at: .now, isGuest: isGuest)
    }

    // MARK: Called by the server

    /// Starts to read.
    ///
    /// - Returns: the id of the connection; nil when its socket cannot be watched
    func open() -> UInt64? {
        guard let raw = socket?.raw else { return nil }
        do throws(SystemError) {
            id = try loop.register(raw, self, for: interest)
        } catch {
            logger.error("a connection cannot be watched", metadata: ["error": "\(error)"])
            return nil
        }
        update()
        return id
    }

    /// Closes the connection after the current request.
    func stop() { perform(state.stop()) }

    /// Refuses a request whose body is incomplete.
    func hurry() { perform(state.hurry(at: .now)) }

    /// The time from which the connection may be closed to make room; nil while it must not be.
    var evictableFrom: ContinuousClock.Instant? { state.evictableFrom }

    /// Closes the connection to make room for another.
    func evict() { perform(state.evict()) }

    /// Closes the connection at once.
    func abort() { perform(state.failed()) }

    // MARK: Called by the loop

    nonisolated func descriptorReady(_ ready: Interest) { assumeIsolated { $0.handle(ready) } }

    nonisolated func timeHasCome() {
        assumeIsolated { connection in
            connection.perform(connection.state.timerFired(at: .now))
            // The call may be too early: schedules the current deadline.
            connection.update()
        }
    }

    private func handle(_ ready: Interest) {
        if ready.contains(.write) { flush() }
        if ready.contains(.read), state.wantsRead {
            readSocket()
        } else if !ready.isDisjoint(with: .broken) {
            // While nothing is read, this is the only sign of a disconnected client.
            perform(state.failed())
        }
        update()
    }

    private func readSocket() {
        var moved = 0
        while state.wantsRead, moved < Self.bytesPerEvent, let raw = socket?.raw {
            do throws(SystemError) {
                guard let bytes = try Syscalls.receive(raw, upTo: Self.receiveBytes) else { return }
                if bytes.isEmpty {
                    perform(state.receivedEnd(at: .now))
                    return
                }
                moved += bytes.count
                perform(state.received(bytes.span, at: .now))
                // A short read means that the socket is empty: saves one call.
                if bytes.count < Self.receiveBytes { return }
            } catch {
                perform(state.failed())
                return
            }
        }
    }

    /// Writes as much output as the socket accepts.
    private func flush() {
        var moved = 0
        while let piece = output.first, moved < Self.bytesPerEvent, let raw = socket?.raw {
            do throws(SystemError) {
                guard case .moved(let count) = try send(piece, to: raw) else { break }
                // Zero bytes: the file has become shorter than the announced length.
                guard count > 0 else { throw SystemError(call: "sendfile", code: 0) }
                output.remove(count)
                moved += count
            } catch {
                perform(state.failed())
                return
            }
        }
        perform(state.wrote(moved, pending: output.count, at: .now))
        if output.count <= limits.writeAheadBytes { releasePush() }
    }

    private func send(_ piece: OutputQueue.Piece, to raw: CInt) throws(SystemError) -> Syscalls.Transfer {
        switch piece {
        case .bytes(let bytes, let sent):
            try Syscalls.send(bytes.span.extracting(sent..<bytes.count), to: raw, hasMore: output.hasMore)
        case .file(let file, let range):
            try Syscalls.sendFile(
                file.descriptor.raw, from: range.lowerBound, count: min(range.count, Self.bytesPerEvent), to: raw)
        }
    }

    // MARK: Actions

    private func perform(_ actions: [ConnectionState.Action]) {
        for action in actions {
            switch action {
            case .start(let head):
                if isGuest, !handler.answersWhenFull(head) {
                    self.head = head
                    perform(state.turnAway())
                } else {
                    start(head)
                }
            case .deliver(let bytes): answerPull(.success(bytes))
            case .fail(let error): answerPull(.failure(error.map(BodyError.refused) ?? .gone))
            case .sendContinue:
                output.append(ResponseWriter.continue)
                flush()
            case .reject(let error): reject(error)
            case .cancel:
                task?.cancel()
                releasePush()
            case .shutDownWriting: if let raw = socket?.raw { Syscalls.shutDownWriting(raw) }
            case .close: close()
            case .reset:
                if let raw = socket?.raw { Syscalls.dropUnsent(raw) }
                close()
            }
        }
        if !actions.isEmpty { update() }
    }

    /// Updates the loop's interest in the socket and its timer.
    private func update() {
        guard let raw = socket?.raw else { return }
        var wanted: Interest = state.wantsRead ? .read : []
        if output.count > 0 { wanted.insert(.write) }
        if wanted != interest {
            interest = wanted
            loop.change(id, raw, to: wanted)
        }
        if let deadline = state.deadline { loop.schedule(id, at: deadline) }
    }

    private func start(_ head: RequestHead) {
        exchange += 1
        self.head = head
        let request = Request(head: head, connection: self, exchange: exchange)
        let handler = handler
        task = Task(executorPreference: workers) {
            let response = await handler.respond(request)
            await request.connection.answer(response, of: request.exchange)
        }
    }

    private func reject(_ error: RequestError) {
        logger.debug("refused", metadata: ["status": .stringConvertible(error.status), "reason": "\(error)"])
        let response = handler.reject(error)
        var bytes: [UInt8] = []
        if case .bytes(let body) = response.body { bytes = body }
        let answer = try? ResponseWriter.head(
            status: response.status, headers: response.headers, framing: .length(bytes.count), connection: "close",
            date: HTTPDate.now())
        output.append((answer ?? []) + (head?.method == .head ? [] : bytes))
        flush()
    }

    private func close() {
        loop.forget(id)
        socket = nil
        output.removeAll()
        answerPull(.failure(.gone))
        releasePush()
        let id = id
        server.assumeIsolated { $0.connectionClosed(id) }
    }

    private func answerPull(_ result: Result<[UInt8]?, BodyError>) {
        let waiting = pull
        pull = nil
        waiting?.resume(returning: result)
    }

    private func releasePush() {
        let waiting = push
        push = nil
        waiting?.resume()
    }

    // MARK: Called by handlers

    func nextBytes(of exchange: Int) async throws(BodyError) -> [UInt8]? {
        guard exchange == self.exchange, pull == nil, socket != nil else { throw .gone }
        let result = await withCheckedContinuation { continuation in
            pull = continuation
            perform(state.pulled(at: .now))
            update()
        }
        return try result.get()
    }

    func write(_ bytes: [UInt8], of exchange: Int) async throws(BodyError) {
        guard isCurrent(exchange) else { throw .gone }
        output.append(bytes)
        flush()
        update()
        while output.count > limits.writeAheadBytes, isCurrent(exchange) {
            await withCheckedContinuation { push = $0 }
        }
        guard isCurrent(exchange) else { throw .gone }
    }

    private func isCurrent(_ exchange: Int) -> Bool {
        exchange == self.exchange && head != nil && socket != nil && !Task.isCancelled
    }

    /// Sends the response of a handler.
    private func answer(_ response: Response, of exchange: Int) async {
        guard exchange == self.exchange, let head else { return }
        let isLegacy = head.minorVersion == 0
        let isBodiless = response.status == 204 || response.status == 304
        let framing = Self.framing(of: response, isBodiless: isBodiless, isLegacy: isLegacy)
        guard let keepsAlive = state.answerBegins(wantsClose: framing == .close) else { return }
        do throws(ResponseWriter.WritingError) {
            let bytes = try ResponseWriter.head(
                status: response.status, headers: response.headers, framing: framing,
                connection: keepsAlive ? (isLegacy ? "keep-alive" : nil) : "close", date: HTTPDate.now())
            output.append(bytes)
        } catch {
            logger.error("an answer cannot be written", metadata: ["error": "\(error)"])
            perform(state.answerUnusable())
            return
        }
        var isComplete = true
        if head.method != .head, !isBodiless {
            switch response.body {
            case .none: break
            case .bytes(let bytes): output.append(bytes)
            case .files(let files): for (file, range) in files.ranges { output.append(file, range) }
            case .stream(let write):
                flush()
                update()
                let writer = BodyWriter(connection: self, exchange: exchange, isChunked: framing == .chunked)
                do {
                    try await write(writer)
                    if framing == .chunked { output.append(ResponseWriter.lastChunk) }
                } catch {
                    // The head is already sent: only closing the connection can signal the missing rest.
                    isComplete = false
                }
            }
        }
        guard exchange == self.exchange, socket != nil else { return }
        finish(isComplete: isComplete)
    }

    private func finish(isComplete: Bool) {
        flush()
        // A writer that the handler has kept must not write any more.
        head = nil
        perform(state.answerQueued(complete: isComplete, at: .now))
        update()
    }

    private static func framing(of response: Response, isBodiless: Bool, isLegacy: Bool) -> ResponseWriter.Framing {
        if isBodiless { return .none }
        return switch response.body {
        case .none: .length(0)
        case .bytes(let bytes): .length(bytes.count)
        case .files(let files): .length(files.length)
        case .stream: isLegacy ? .close : .chunked
        }
    }
}
