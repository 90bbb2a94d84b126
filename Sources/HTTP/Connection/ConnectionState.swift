/// The state machine of a connection. It has neither sockets nor clocks: it takes bytes and times and returns actions,
/// which ``Connection`` carries out in order.
///
/// ```
/// head --> exchange --> head            the next request
///   |         |  '----> drain --> head  after the rest of a body is discarded
///   |         |          |
///   '-----> refused      |              an error response is being sent
///             |          |
///             '-----> linger --> closed
/// ```
package struct ConnectionState: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package enum Action: Sendable {
        /// Start the handler for this request.
        case start(RequestHead)
        /// Pass these bytes to the handler that waits for the body; nil for the end of the body.
        case deliver([UInt8]?)
        /// Fail the handler that waits for the body; without an error, the client has disconnected.
        case fail(RequestError?)
        /// Send `100 Continue`.
        case sendContinue
        /// Send an error response, after which the connection ends.
        case reject(RequestError)
        /// Cancel the handler, whose response is no longer needed.
        case cancel
        case shutDownWriting
        case close
        /// Close the connection and drop unsent data, which the kernel would keep for minutes.
        case reset
    }

    private enum Phase: Sendable {
        /// Reading a head, of which nothing or a part has arrived.
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
        /// Content that the handler has not read yet.
        var ready: [UInt8] = []
        var isPulling = false
        var error: RequestError?
        /// True while the client waits for `100 Continue`.
        var awaitsContinue: Bool
        var answer = Answer.none
        var closes = false
    }

    private let limits: Limits
    private var phase: Phase
    private var exchange: Exchange?
    /// Bytes that do not belong to a request yet.
    private var input: [UInt8] = []
    private var inputEnded = false
    private var isStopping = false
    /// The time at which a client that has ended its side, and receives nothing, counts as disconnected.
    private var abandonment: Instant?
    private var pendingOutput = 0
    private var bodyGuard: RateGuard
    private var answerGuard: RateGuard
    /// The time at which bytes were last received or sent.
    private var lastMove: Instant
    private var hasServed = false
    /// True for a connection beyond the limit, which gets one request and little time.
    private let isGuest: Bool

    package init(limits: Limits, at now: Instant, isGuest: Bool = false) {
        (self.limits, self.isGuest) = (limits, isGuest)
        phase = .head(HeadParser(limits: limits), deadline: now + (isGuest ? limits.guestTime : limits.headTime))
        bodyGuard = RateGuard(limits.rate)
        answerGuard = RateGuard(limits.rate)
        lastMove = now
    }

    // MARK: Waiting

    package var isClosed: Bool { if case .closed = phase { true } else { false } }

    /// True when the socket is to be read.
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

    /// The time at which ``timerFired(at:)`` is to be called.
    package var deadline: Instant? {
        switch phase {
        case .head(_, let deadline): deadline
        case .exchange, .drain, .refused:
            [bodyGuard.deadline, answerGuard.deadline, pendingOutput == 0 ? abandonment : nil].compactMap(\.self).min()
        case .linger(_, let until, let silence): min(until, silence)
        case .closed: nil
        }
    }

    /// The time from which the connection may be closed to make room: at once between two requests, after a silence of
    /// the client within a request; nil while the client waits for the server.
    package var evictableFrom: Instant? {
        switch phase {
        case .head where hasServed && input.isEmpty: lastMove
        case .head, .drain, .refused, .linger: lastMove + limits.silenceBeforeEviction
        case .exchange where exchange?.isPulling == true || pendingOutput > 0: lastMove + limits.silenceBeforeEviction
        case .exchange, .closed: nil
        }
    }

    // MARK: Events of the socket

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

    /// Handles the end of the client's input; the client may still read.
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

    /// Ends the connection after a socket error or by decision of the server.
    ///
    /// - Parameter resets: whether unsent data is dropped
    /// - Returns: the actions to carry out
    package mutating func failed(resets: Bool = false) -> [Action] {
        guard case .exchange = phase else { return close(resets: resets) }
        let isPulling = exchange?.isPulling ?? false
        exchange = nil
        return (isPulling ? [.fail(nil)] : []) + [.cancel] + close(resets: resets)
    }

    /// Closes the connection to make room for another.
    package mutating func evict() -> [Action] {
        if case .head = phase, input.isEmpty { return close() }
        return failed(resets: true)
    }

    /// Handles progress of the output.
    ///
    /// - Parameters:
    ///   - count: the number of bytes sent
    ///   - pending: the number of bytes still to send
    ///   - now: the current time
    /// - Returns: the actions to carry out
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
        case .head: return input.isEmpty ? close() : reject(.slowHead)
        case .linger: return close()
        case .refused, .drain, .exchange:
            if answerGuard.isTooSlow(at: now) { return failed(resets: true) }
            if bodyGuard.isTooSlow(at: now) { return bodyFailed(.slowBody, at: now) }
            if let abandonment, pendingOutput == 0, now >= abandonment { return failed() }
            return []
        case .closed: return []
        }
    }

    /// Closes the connection after the current request.
    package mutating func stop() -> [Action] {
        isStopping = true
        if case .head = phase, input.isEmpty { return close() }
        return []
    }

    /// Refuses the request because the server is full.
    package mutating func turnAway() -> [Action] { reject(.tooManyConnections) }

    /// Refuses a request whose body is incomplete because the server is stopping.
    package mutating func hurry(at now: Instant) -> [Action] {
        guard case .exchange = phase, let exchange, !exchange.body.isFinished, exchange.error == nil else { return [] }
        return bodyFailed(.serverStopping, at: now)
    }

    // MARK: Calls of the handler

    /// Handles the handler's request for more of the body.
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

    /// Handles the start of the handler's response.
    ///
    /// - Parameter wantsClose: whether the end of the connection marks the end of the response
    /// - Returns: whether the connection can be reused afterwards; nil when the response is no longer needed
    package mutating func answerBegins(wantsClose: Bool) -> Bool? {
        guard var exchange, case .exchange = phase, exchange.answer == .none else { return nil }
        exchange.answer = .begun
        exchange.closes =
            wantsClose || isStopping || !exchange.keepsAlive || inputEnded && input.isEmpty || !isDrainable(exchange)
        self.exchange = exchange
        return !exchange.closes
    }

    /// Handles the end of the handler's response, all of which is now in the output queue.
    ///
    /// - Parameters:
    ///   - complete: whether the response is complete; otherwise the connection is closed to signal that it is not
    ///   - now: the current time
    /// - Returns: the actions to carry out
    package mutating func answerQueued(complete: Bool, at now: Instant) -> [Action] {
        guard case .exchange = phase else { return [] }
        exchange?.answer = .queued
        if !complete { exchange?.closes = true }
        return pendingOutput == 0 ? endExchange(at: now) : []
    }

    /// Replaces a response that cannot be sent by an error response.
    package mutating func answerUnusable() -> [Action] {
        guard case .exchange = phase else { return [] }
        return reject(.unusableAnswer)
    }

    /// Returns whether the rest of the body is short enough to be read and discarded.
    private func isDrainable(_ exchange: Exchange) -> Bool {
        if exchange.body.isFinished { return true }
        guard exchange.error == nil, !inputEnded, let left = exchange.body.left else { return false }
        // A client that did not get `100 Continue` may or may not send the body.
        return left <= limits.drainBytes && !exchange.awaitsContinue
    }

    // MARK: Transitions

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
            return reject(error)
        }
    }

    private mutating func receivedBody(_ bytes: Span<UInt8>, at now: Instant) -> [Action] {
        guard exchange?.error == nil else { return [] }
        // Moved out, so that its buffers have one owner and grow in place.
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
            // A client that sends without `100 Continue` does not wait for it.
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
        return exchange?.answer == Answer.none ? failure + reject(error) : failure
    }

    private mutating func reject(_ error: RequestError) -> [Action] {
        let wasAnswering = exchange != nil
        exchange = nil
        phase = .refused
        return (wasAnswering ? [.cancel] : []) + [.reject(error)]
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

    /// Ends the output and discards input for a while: closing a socket while the client sends would destroy the unread
    /// response (RFC 9112 §9.6).
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
