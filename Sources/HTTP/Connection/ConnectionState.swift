/// What a connection does about what happens to it. It knows neither sockets nor clocks: bytes and times go in, actions come
/// out, and ``Connection`` carries them out in their order.
///
/// ```
/// head --> exchange --> head            the next request
///   |         |  '----> drain --> head  after reading what is left of a body
///   |         |          |
///   '-----> refused      |              an error answer is on its way out
///             |          |
///             '-----> linger --> closed
/// ```
package struct ConnectionState: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package enum Action: Sendable {
        /// Have this request answered.
        case start(RequestHead)
        /// Give the handler that waits for the body these bytes; nil is the end of it.
        case deliver([UInt8]?)
        /// Tell the handler that waits for the body that there is no more; without an error, that the client is gone.
        case fail(RequestError?)
        /// Tell the client to send the body.
        case sendContinue
        /// Send an error answer, after which the connection ends.
        case refuse(RequestError)
        /// Nobody waits for the handler's answer any more.
        case cancel
        case shutDownWriting
        case close
        /// End the connection and drop what the client has not taken: the kernel would keep it for minutes.
        case reset
    }

    private enum Phase: Sendable {
        /// Nothing, or part of a head, has come.
        case head(HeadParser, deadline: Instant)
        case exchange
        case drain(read: Int)
        case refused
        case linger(read: Int, until: Instant, silence: Instant)
        case closed
    }

    private enum Answer: Sendable {
        case none, begun, queued
    }

    /// A request that is being answered.
    private struct Exchange: Sendable {
        let keepsAlive: Bool
        var body: BodyReader
        /// Content that the handler has not asked for yet.
        var ready: [UInt8] = []
        var isPulling = false
        var error: RequestError?
        /// Whether the client still waits for a word.
        var awaitsContinue: Bool
        var answer = Answer.none
        var closes = false
    }

    private let limits: Limits
    private var phase: Phase
    private var exchange: Exchange?
    /// Bytes that belong to no request yet.
    private var input: [UInt8] = []
    private var inputEnded = false
    private var isStopping = false
    /// When a client that has ended its side, and gets nothing to read, is taken for one that has left.
    private var abandonment: Instant?
    private var pendingOutput = 0
    private var bodyGuard: RateGuard
    private var answerGuard: RateGuard
    /// When bytes last came or left.
    private var lastMove: Instant
    private var hasServed = false
    /// Whether there is no room for the connection: it may ask one thing, and quickly.
    private let isGuest: Bool

    package init(limits: Limits, at now: Instant, isGuest: Bool = false) {
        self.limits = limits
        self.isGuest = isGuest
        phase = .head(HeadParser(limits: limits), deadline: now + (isGuest ? limits.guestTime : limits.headTime))
        bodyGuard = RateGuard(limits.rate)
        answerGuard = RateGuard(limits.rate)
        lastMove = now
    }

    // MARK: What the connection has to wait for

    package var isClosed: Bool { if case .closed = phase { true } else { false } }

    /// Whether bytes are wanted from the socket.
    package var wantsRead: Bool {
        guard !inputEnded else { return false }
        switch phase {
        case .head, .drain, .linger: return true
        case .refused, .closed: return false
        case .exchange:
            guard let exchange, exchange.error == nil else { return false }
            return exchange.body.isFinished
                ? input.count < limits.pipelinedBytes : exchange.ready.count < limits.readAheadBytes
        }
    }

    /// When ``timerFired(at:)`` wants to be called.
    package var deadline: Instant? {
        switch phase {
        case .head(_, let deadline): deadline
        case .exchange, .drain, .refused:
            [bodyGuard.deadline, answerGuard.deadline, pendingOutput == 0 ? abandonment : nil].compactMap(\.self).min()
        case .linger(_, let until, let silence): min(until, silence)
        case .closed: nil
        }
    }

    /// From when on the connection may be ended for another: at once between two requests, and in the middle of one when the
    /// client has neither sent nor taken anything for a while; nil while it is the server's turn.
    package var evictableFrom: Instant? {
        switch phase {
        case .head where hasServed && input.isEmpty: lastMove
        case .head, .drain, .refused, .linger: lastMove + limits.silenceBeforeEviction
        case .exchange where exchange?.isPulling == true || pendingOutput > 0: lastMove + limits.silenceBeforeEviction
        case .exchange, .closed: nil
        }
    }

    // MARK: What happens on the socket

    package mutating func received(_ bytes: Span<UInt8>, at now: Instant) -> [Action] {
        lastMove = now
        switch phase {
        case .head(let parser, _):
            if input.isEmpty, !isGuest { phase = .head(parser, deadline: now + limits.headTime) }
            input.append(contentsOf: bytes)
            return advance(at: now)
        case .exchange, .drain: return receivedBody(bytes, at: now)
        case .linger(let read, let until, _):
            let total = read + bytes.count
            guard total <= limits.lingerBytes else { return close() }
            phase = .linger(read: total, until: until, silence: now + limits.lingerSilence)
            return []
        case .refused, .closed: return []
        }
    }

    /// The client sends no more, but may still read.
    package mutating func receivedEnd(at now: Instant) -> [Action] {
        inputEnded = true
        switch phase {
        case .head, .drain, .linger: return close()
        case .exchange:
            abandonment = now + limits.halfClosedTime
            guard let exchange, !exchange.body.isFinished, exchange.error == nil else { return [] }
            return bodyFailed(.truncatedBody, at: now)
        case .refused, .closed: return []
        }
    }

    /// The socket does not work any more, or shall not.
    ///
    /// - Parameter resets: whether what the client has not taken is dropped
    /// - Returns: what to do
    package mutating func failed(resets: Bool = false) -> [Action] {
        guard case .exchange = phase else { return close(resets: resets) }
        let isPulling = exchange?.isPulling ?? false
        exchange = nil
        return (isPulling ? [.fail(nil)] : []) + [.cancel] + close(resets: resets)
    }

    /// The place is wanted for somebody else.
    package mutating func evict() -> [Action] {
        if case .head = phase, input.isEmpty { return close() }
        return failed(resets: true)
    }

    /// Some of the output has left.
    ///
    /// - Parameters:
    ///   - count: bytes that have left
    ///   - pending: bytes that could not
    ///   - now: the time
    /// - Returns: what to do
    package mutating func wrote(_ count: Int, pending: Int, at now: Instant) -> [Action] {
        pendingOutput = pending
        answerGuard.count(count)
        if count > 0 { lastMove = now }
        if count > 0, inputEnded { abandonment = now + limits.halfClosedTime }
        if pending > 0 { answerGuard.start(at: now) } else { answerGuard.stop(at: now) }
        guard pending == 0 else { return [] }
        switch phase {
        case .exchange: return exchange?.answer == .queued ? endExchange(at: now) : []
        case .refused: return linger(at: now)
        default: return []
        }
    }

    package mutating func timerFired(at now: Instant) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch phase {
        case .head: return input.isEmpty ? close() : refuse(.slowHead)
        case .linger: return close()
        case .refused, .drain, .exchange:
            if answerGuard.isTooSlow(at: now) { return failed(resets: true) }
            if bodyGuard.isTooSlow(at: now) { return bodyFailed(.slowBody, at: now) }
            if let abandonment, pendingOutput == 0, now >= abandonment { return failed() }
            return []
        case .closed: return []
        }
    }

    /// The server takes no more requests.
    package mutating func stop() -> [Action] {
        isStopping = true
        if case .head = phase, input.isEmpty { return close() }
        return []
    }

    /// The server has no room: tells the client so.
    package mutating func turnAway() -> [Action] { refuse(.tooManyConnections) }

    /// The server is about to end: refuses a request whose body is still on its way.
    package mutating func hurry(at now: Instant) -> [Action] {
        guard case .exchange = phase, let exchange, !exchange.body.isFinished, exchange.error == nil else { return [] }
        return bodyFailed(.serverStopping, at: now)
    }

    // MARK: What the handler does

    /// The handler asks for more of the body.
    package mutating func pulled(at now: Instant) -> [Action] {
        guard var exchange, case .exchange = phase else { return [.fail(nil)] }
        defer { self.exchange = exchange }
        if let error = exchange.error { return [.fail(error)] }
        guard exchange.ready.isEmpty else {
            let bytes = exchange.ready
            exchange.ready = []
            return [.deliver(bytes)]
        }
        guard !exchange.body.isFinished else { return [.deliver(nil)] }
        exchange.isPulling = true
        bodyGuard.start(at: now)
        guard exchange.awaitsContinue, exchange.answer == .none else { return [] }
        exchange.awaitsContinue = false
        return [.sendContinue]
    }

    /// The handler has an answer.
    ///
    /// - Parameter wantsClose: whether only the end of the connection can mark the end of the answer
    /// - Returns: whether the connection can be used again afterwards; nil when nobody waits for the answer any more
    package mutating func answerBegins(wantsClose: Bool) -> Bool? {
        guard var exchange, case .exchange = phase, exchange.answer == .none else { return nil }
        exchange.answer = .begun
        exchange.closes =
            wantsClose || isStopping || !exchange.keepsAlive || inputEnded && input.isEmpty || !isDrainable(exchange)
        self.exchange = exchange
        return !exchange.closes
    }

    /// Everything of the answer waits to leave.
    ///
    /// - Parameters:
    ///   - complete: whether the client can see that it is; otherwise the end of the connection says that it is not
    ///   - now: the time
    /// - Returns: what to do
    package mutating func answerQueued(complete: Bool, at now: Instant) -> [Action] {
        guard case .exchange = phase else { return [] }
        exchange?.answer = .queued
        if !complete { exchange?.closes = true }
        return pendingOutput == 0 ? endExchange(at: now) : []
    }

    /// The answer cannot be sent as it is; another one takes its place.
    package mutating func answerUnusable() -> [Action] {
        guard case .exchange = phase else { return [] }
        return refuse(.unusableAnswer)
    }

    /// Whether the rest of the body is short enough to be read and thrown away.
    private func isDrainable(_ exchange: Exchange) -> Bool {
        if exchange.body.isFinished { return true }
        guard exchange.error == nil, !inputEnded, let left = exchange.body.left else { return false }
        // A client that was told nothing may or may not send the body.
        return left <= limits.drainBytes && !exchange.awaitsContinue
    }

    // MARK: From one phase to the next

    private mutating func advance(at now: Instant) -> [Action] {
        guard case .head(var parser, let deadline) = phase else { return [] }
        do throws(RequestError) {
            guard case .complete(let head, let consumed) = try parser.parse(input.span) else {
                phase = .head(parser, deadline: deadline)
                return inputEnded ? close() : []
            }
            input.removeFirst(consumed)
            let body = try BodyReader(head.framing, limits: limits)
            exchange = Exchange(
                keepsAlive: head.keepsAlive && !isGuest, body: body,
                awaitsContinue: head.expectsContinue && !body.isFinished)
            phase = .exchange
            hasServed = true
            (bodyGuard, answerGuard) = (RateGuard(limits.rate), RateGuard(limits.rate))
            if pendingOutput > 0 { answerGuard.start(at: now) }
            let rest = input
            input = []
            return [.start(head)] + (rest.isEmpty ? [] : receivedBody(rest.span, at: now))
        } catch {
            return refuse(error)
        }
    }

    private mutating func receivedBody(_ bytes: Span<UInt8>, at now: Instant) -> [Action] {
        guard exchange?.error == nil else { return [] }
        // Taken out, so that its buffers have one owner and grow in place.
        guard var exchange = exchange.take() else { return [] }
        let count: Int
        do throws(RequestError) {
            count = try exchange.body.read(bytes, into: &exchange.ready)
        } catch {
            self.exchange = exchange
            return bodyFailed(error, at: now)
        }
        if count < bytes.count { input.append(contentsOf: bytes.extracting(count..<bytes.count)) }
        if count > 0 {
            // Whoever sends without being told does not wait.
            exchange.awaitsContinue = false
            bodyGuard.count(count)
        }
        if case .drain(let read) = phase {
            exchange.ready.removeAll(keepingCapacity: true)
            let isFinished = exchange.body.isFinished
            self.exchange = isFinished ? nil : exchange
            phase = .drain(read: read + count)
            return isFinished ? nextHead(at: now) : read + count > limits.drainBytes ? close() : []
        }
        var actions: [Action] = []
        if exchange.isPulling, !exchange.ready.isEmpty || exchange.body.isFinished {
            bodyGuard.stop(at: now)
            exchange.isPulling = false
            actions = [.deliver(exchange.ready.isEmpty ? nil : exchange.ready)]
            exchange.ready = []
        }
        self.exchange = exchange
        return actions
    }

    private mutating func bodyFailed(_ error: RequestError, at now: Instant) -> [Action] {
        guard case .exchange = phase, exchange != nil else { return close() }
        bodyGuard.stop(at: now)
        let isPulling = exchange?.isPulling ?? false
        exchange?.isPulling = false
        exchange?.error = error
        exchange?.closes = true
        let failure: [Action] = isPulling ? [.fail(error)] : []
        return exchange?.answer == Answer.none ? failure + refuse(error) : failure
    }

    private mutating func refuse(_ error: RequestError) -> [Action] {
        let wasAnswering = exchange != nil
        exchange = nil
        phase = .refused
        return (wasAnswering ? [.cancel] : []) + [.refuse(error)]
    }

    private mutating func endExchange(at now: Instant) -> [Action] {
        guard let exchange else { return close() }
        bodyGuard.stop(at: now)
        if exchange.closes {
            let hasRest = !exchange.body.isFinished || !input.isEmpty
            self.exchange = nil
            return hasRest ? linger(at: now) : close()
        }
        guard exchange.body.isFinished else {
            self.exchange?.ready = []
            phase = .drain(read: 0)
            bodyGuard.start(at: now)
            return []
        }
        self.exchange = nil
        return nextHead(at: now)
    }

    private mutating func nextHead(at now: Instant) -> [Action] {
        bodyGuard.stop(at: now)
        if input.isEmpty, inputEnded || isStopping { return close() }
        let time = input.isEmpty ? limits.idleTime : limits.headTime
        phase = .head(HeadParser(limits: limits), deadline: now + time)
        return input.isEmpty ? [] : advance(at: now)
    }

    /// RFC 9112 §9.6: a socket that is closed while the client still sends destroys the answer that it has not read yet.
    private mutating func linger(at now: Instant) -> [Action] {
        guard !inputEnded else { return close() }
        input = []
        phase = .linger(read: 0, until: now + limits.lingerTime, silence: now + limits.lingerSilence)
        return [.shutDownWriting]
    }

    private mutating func close(resets: Bool = false) -> [Action] {
        guard !isClosed else { return [] }
        phase = .closed
        input = []
        return [resets ? .reset : .close]
    }
}
