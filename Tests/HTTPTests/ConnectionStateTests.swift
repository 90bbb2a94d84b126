import Testing

@testable import HTTP

/// A connection state without a socket, on a clock that the test advances.
private struct Bench {
    var now = ContinuousClock.now
    var state: ConnectionState
    var log: [String] = []

    init(limits: Limits = Limits(), isGuest: Bool = false) {
        state = ConnectionState(limits: limits, at: now, isGuest: isGuest)
    }

    /// Logs actions in a short form.
    private mutating func note(_ actions: [ConnectionState.Action]) {
        for action in actions {
            switch action {
            case .start(let head): log.append("start \(head.path)")
            case .deliver(let bytes): log.append("deliver " + (bytes.map { text($0) } ?? "end"))
            case .fail(let error): log.append("fail " + (error.map { "\($0.status)" } ?? "gone"))
            case .sendContinue: log.append("continue")
            case .reject(let error): log.append("refuse \(error.status)")
            case .cancel: log.append("cancel")
            case .shutDownWriting: log.append("shut down")
            case .close: log.append("close")
            case .reset: log.append("reset")
            }
        }
    }

    mutating func receive(_ input: String) { note(state.received(bytes(input).span, at: now)) }
    mutating func receiveEnd() { note(state.receivedEnd(at: now)) }
    mutating func pull() { note(state.pulled(at: now)) }
    mutating func fail() { note(state.failed()) }
    mutating func stop() { note(state.stop()) }
    mutating func hurry() { note(state.hurry(at: now)) }
    mutating func evict() { note(state.evict()) }
    mutating func turnAway() { note(state.turnAway()) }
    mutating func wrote(_ count: Int, pending: Int) { note(state.wrote(count, pending: pending, at: now)) }

    /// Responds as the handler, with all output sent at once.
    mutating func answer() {
        switch state.answerBegins(wantsClose: false) {
        case nil: log.append("unwanted")
        case .some(let keepsAlive):
            log.append(keepsAlive ? "answer" : "last answer")
            note(state.answerQueued(complete: true, at: now))
        }
    }

    /// Advances the clock and fires the timers that are due.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        while let deadline = state.deadline, deadline <= end {
            now = max(now, deadline)
            note(state.timerFired(at: now))
        }
        now = end
    }

    mutating func taken() -> [String] {
        defer { log = [] }
        return log
    }
}

private let request = get()
private func post(_ fields: String) -> String { "POST /p HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n" }

@Test func `a connection is used again and again`() {
    var bench = Bench()
    for _ in 0..<3 {
        bench.receive(request)
        bench.answer()
    }
    #expect(bench.taken() == ["start /a", "answer", "start /a", "answer", "start /a", "answer"])
    #expect(bench.state.wantsRead)
}

@Test func `requests that come together are answered one after the other`() {
    var bench = Bench()
    bench.receive(request + "GET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HT")
    #expect(bench.taken() == ["start /a"])
    bench.answer()
    #expect(bench.taken() == ["answer", "start /b"])
    bench.answer()
    bench.receive("TP/1.1\r\nHost: a\r\n\r\n")
    #expect(bench.taken() == ["answer", "start /c"])
}

@Test func `what comes behind a request is read up to a limit`() {
    var bench = Bench()
    bench.receive(request)
    #expect(bench.state.wantsRead)
    bench.receive(String(repeating: "x", count: Limits().pipelinedBytes - 1))
    #expect(bench.state.wantsRead)
    bench.receive("x")
    #expect(!bench.state.wantsRead)
}

@Test func `a body is given when it is asked for, and not read further ahead than the limit`() {
    var limits = Limits()
    limits.readAheadBytes = 4
    var bench = Bench(limits: limits)
    bench.receive(post("Content-Length: 10") + "abc")
    #expect(bench.state.wantsRead)
    bench.receive("de")
    #expect(!bench.state.wantsRead)
    bench.pull()
    #expect(bench.state.wantsRead)
    bench.pull()
    bench.receive("fghij" + request)
    bench.pull()
    bench.answer()
    #expect(bench.taken() == ["start /p", "deliver abcde", "deliver fghij", "deliver end", "answer", "start /a"])
}

@Test func `a chunked body ends where it says`() {
    var bench = Bench()
    bench.receive(post("Transfer-Encoding: chunked") + "3\r\nab")
    bench.pull()
    bench.pull()
    bench.receive("c\r\n0\r\n")
    bench.pull()
    bench.receive("\r\n" + request)
    bench.answer()
    #expect(bench.taken() == ["start /p", "deliver ab", "deliver c", "deliver end", "answer", "start /a"])
}

@Test func `a client that waits is told to go on when the body is asked for`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 3\r\nExpect: 100-continue"))
    #expect(bench.taken() == ["start /p"])
    bench.pull()
    #expect(bench.taken() == ["continue"])
    bench.receive("abc")
    bench.pull()
    bench.answer()
    #expect(bench.taken() == ["deliver abc", "deliver end", "answer"])
}

@Test func `a client that sends without being told is not told`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 3\r\nExpect: 100-continue") + "a")
    bench.pull()
    bench.pull()
    #expect(bench.taken() == ["start /p", "deliver a"])
}

@Test func `a client that waits gets the final answer in place of the word to go on`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 3\r\nExpect: 100-continue"))
    bench.answer()
    #expect(bench.taken() == ["start /p", "last answer", "shut down"])
    bench.receiveEnd()
    #expect(bench.taken() == ["close"])
}

@Test func `a body that is too large is refused before its first byte`() {
    var limits = Limits()
    limits.bodyBytes = 10
    var bench = Bench(limits: limits)
    bench.receive(post("Content-Length: 11\r\nExpect: 100-continue"))
    #expect(bench.taken() == ["refuse 413"])
    #expect(!bench.state.wantsRead)
    bench.wrote(100, pending: 0)
    #expect(bench.taken() == ["shut down"])
    #expect(bench.state.wantsRead)
    bench.receive(String(repeating: "x", count: 1000))
    bench.receiveEnd()
    #expect(bench.taken() == ["close"])
}

@Test func `a chunked body that becomes too large is refused while it is read`() {
    var limits = Limits()
    limits.bodyBytes = 10
    var bench = Bench(limits: limits)
    bench.receive(post("Transfer-Encoding: chunked") + "5\r\nabcde\r\n")
    bench.pull()
    bench.pull()
    bench.receive("6\r\nabcdef\r\n")
    #expect(bench.taken() == ["start /p", "deliver abcde", "fail 413", "cancel", "refuse 413"])
    bench.answer()
    #expect(bench.taken() == ["unwanted"])
}

@Test func `a short rest of a body is read before the next request`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 6") + "abc")
    bench.answer()
    #expect(bench.taken() == ["start /p", "answer"])
    bench.receive("def" + request)
    #expect(bench.taken() == ["start /a"])
}

@Test(arguments: ["Content-Length: 262145", "Transfer-Encoding: chunked"])
func `a long or endless rest of a body ends the connection, but not before the client has read`(fields: String) {
    var bench = Bench()
    bench.receive(post(fields))
    bench.answer()
    #expect(bench.taken() == ["start /p", "last answer", "shut down"])
    bench.pass(.seconds(4))
    bench.receive("x")
    bench.pass(.seconds(4))
    #expect(bench.taken() == [])
    bench.pass(.seconds(1))
    #expect(bench.taken() == ["close"])
}

@Test func `lingering ends after a time, whatever comes`() {
    var bench = Bench()
    bench.receive("x\r\n")
    bench.wrote(100, pending: 0)
    #expect(bench.taken() == ["refuse 400", "shut down"])
    for _ in 0..<29 {
        bench.pass(.seconds(1))
        bench.receive("x")
    }
    #expect(bench.taken() == [])
    bench.pass(.seconds(1))
    #expect(bench.taken() == ["close"])
}

@Test func `lingering reads no more than its limit`() {
    var limits = Limits()
    limits.lingerBytes = 10
    var bench = Bench(limits: limits)
    bench.receive("x\r\n")
    bench.wrote(1, pending: 0)
    bench.receive("0123456789")
    #expect(bench.taken() == ["refuse 400", "shut down"])
    bench.receive("x")
    #expect(bench.taken() == ["close"])
}

@Test func `a client that asks to close is obeyed, and what follows ignored`() {
    var bench = Bench()
    bench.receive("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + request)
    bench.answer()
    #expect(bench.taken() == ["start /a", "last answer", "shut down"])
    var other = Bench()
    other.receive("GET /a HTTP/1.0\r\n\r\n")
    other.answer()
    #expect(other.taken() == ["start /a", "last answer", "close"])
}

@Test func `a client that has sent everything is still answered`() {
    var bench = Bench()
    bench.receive(request + request)
    bench.receiveEnd()
    #expect(!bench.state.wantsRead)
    bench.answer()
    bench.answer()
    #expect(bench.taken() == ["start /a", "answer", "start /a", "last answer", "close"])
}

@Test func `a client that has ended its side is not waited for without end`() {
    var bench = Bench()
    bench.receive(request)
    bench.receiveEnd()
    #expect(bench.state.answerBegins(wantsClose: false) == false)
    bench.pass(.seconds(119))
    bench.wrote(10, pending: 0)
    bench.pass(.seconds(119))
    #expect(bench.taken() == ["start /a"])
    bench.pass(.seconds(1))
    #expect(bench.taken() == ["cancel", "close"])
}

@Test func `a body that ends early is refused`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 3") + "ab")
    bench.pull()
    bench.pull()
    bench.receiveEnd()
    #expect(bench.taken() == ["start /p", "deliver ab", "fail 400", "cancel", "refuse 400"])
    bench.wrote(1, pending: 0)
    #expect(bench.taken() == ["close"])
}

@Test func `a client that ends between requests is let go`() {
    var bench = Bench()
    bench.receiveEnd()
    #expect(bench.taken() == ["close"])
    var other = Bench()
    other.receive("GET /a HT")
    other.receiveEnd()
    #expect(other.taken() == ["close"])
}

@Test func `a head that does not come in time is refused, silence is closed without a word`() {
    var bench = Bench()
    bench.receive("GET")
    bench.pass(.seconds(19))
    bench.receive(" ")
    #expect(bench.taken() == [])
    bench.pass(.seconds(1))
    #expect(bench.taken() == ["refuse 408"])

    var silent = Bench()
    silent.pass(.seconds(20))
    #expect(silent.taken() == ["close"])

    var idle = Bench()
    idle.receive(request)
    idle.answer()
    idle.pass(.seconds(74))
    #expect(idle.taken() == ["start /a", "answer"])
    idle.pass(.seconds(1))
    #expect(idle.taken() == ["close"])
}

@Test func `a body that comes too slowly is refused`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 100000"))
    bench.pull()
    for _ in 0..<4 {
        bench.pass(.seconds(1))
        bench.receive(String(repeating: "x", count: 239))
        bench.pull()
    }
    #expect(!bench.taken().contains("refuse 408"))
    bench.receive(String(repeating: "x", count: 239))
    bench.pull()
    #expect(!bench.taken().contains("refuse 408"))
    bench.pass(.seconds(1))
    #expect(bench.taken() == ["fail 408", "cancel", "refuse 408"])
}

/// The seconds after which a body at a constant rate is refused; nil when it is not within ten minutes.
private func patience(bytesPerSecond: Int) -> Int? {
    var bench = Bench()
    bench.receive(post("Content-Length: 100000000"))
    bench.pull()
    for second in 1...600 {
        bench.receive(String(repeating: "x", count: bytesPerSecond))
        bench.pull()
        bench.pass(.seconds(1))
        if bench.taken().contains("refuse 408") { return second }
    }
    return nil
}

@Test(arguments: [(0, 5 as Int?), (239, 5), (240, 15), (450, 25), (2000, 50), (4096, nil)])
func `the longer a body takes the faster it has to come`(bytesPerSecond: Int, seconds: Int?) {
    #expect(patience(bytesPerSecond: bytesPerSecond) == seconds)
}

@Test func `a client that was fast may fall silent for a while`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 10000000"))
    bench.pull()
    bench.receive(String(repeating: "x", count: 1_000_000))
    bench.pull()
    bench.pass(.seconds(15))
    #expect(!bench.taken().contains("refuse 408"))
    bench.pass(.seconds(5))
    #expect(bench.taken().contains("refuse 408"))
}

@Test func `a handler may take its time`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 100"))
    bench.pass(.seconds(3600))
    bench.receive(String(repeating: "x", count: 100))
    bench.pass(.seconds(3600))
    bench.pull()
    bench.pull()
    bench.pass(.seconds(3600))
    bench.answer()
    #expect(bench.taken().suffix(2) == ["deliver end", "answer"])
}

@Test func `a client that does not take its answer is cut off`() {
    var bench = Bench()
    bench.receive(request)
    #expect(bench.state.answerBegins(wantsClose: false) == true)
    bench.wrote(1000, pending: 1_000_000)
    for _ in 0..<4 {
        bench.pass(.seconds(1))
        bench.wrote(1, pending: 1_000_000)
    }
    // The first 1000 bytes count in the window too. Unsent output is dropped.
    bench.pass(.seconds(1))
    #expect(bench.taken() == ["start /a", "cancel", "reset"])
}

@Test func `a client that takes its answer steadily is not`() {
    var bench = Bench()
    bench.receive(request)
    #expect(bench.state.answerBegins(wantsClose: false) == true)
    bench.wrote(0, pending: 1_000_000)
    for second in 1...100 {
        bench.pass(.seconds(1))
        bench.wrote(4096, pending: 1_000_000 - second)
    }
    #expect(bench.taken() == ["start /a"])
}

@Test func `a reset cancels the handler and whatever waits for the body`() {
    var bench = Bench()
    bench.receive(post("Content-Length: 3"))
    bench.pull()
    bench.fail()
    #expect(bench.taken() == ["start /p", "fail gone", "cancel", "close"])
    bench.pull()
    bench.answer()
    bench.fail()
    #expect(bench.taken() == ["fail gone", "unwanted"])
}

@Test func `a server that stops lets requests end and takes no more`() {
    var idle = Bench()
    idle.stop()
    #expect(idle.taken() == ["close"])

    var busy = Bench()
    busy.receive(request)
    busy.stop()
    busy.answer()
    #expect(busy.taken() == ["start /a", "last answer", "close"])
}

@Test func `an answer that broke off ends the connection`() {
    var bench = Bench()
    bench.receive(request)
    #expect(bench.state.answerBegins(wantsClose: false) == true)
    var log: [String] = []
    for action in bench.state.answerQueued(complete: false, at: bench.now) {
        if case .close = action { log.append("close") }
    }
    #expect(log == ["close"])
}

@Test func `a body that fails behind the beginning of an answer fails for the handler only`() {
    var bench = Bench()
    bench.receive(post("Transfer-Encoding: chunked"))
    #expect(bench.state.answerBegins(wantsClose: false) == false)
    bench.pull()
    bench.receive("x")
    bench.pull()
    #expect(bench.taken() == ["start /p", "fail 400", "fail 400"])
    #expect(!bench.state.wantsRead)
}

@Test func `whoever finds no room is told so`() {
    var bench = Bench(isGuest: true)
    bench.receive(request)
    bench.turnAway()
    #expect(bench.taken() == ["start /a", "cancel", "refuse 503"])
}

@Test func `whoever finds no room may ask one thing, and quickly`() {
    var quick = Bench(isGuest: true)
    quick.receive(request)
    quick.answer()
    #expect(quick.taken() == ["start /a", "last answer", "close"])

    var slow = Bench(isGuest: true)
    slow.receive("GET")
    slow.pass(.seconds(1))
    slow.receive(" ")
    slow.pass(.seconds(1))
    #expect(slow.taken() == ["refuse 408"])
}

@Test func `a connection may be ended for another while it is the client's turn, at once between requests`() {
    var bench = Bench()
    let start = bench.now
    #expect(bench.state.evictableFrom == start + .seconds(1))
    bench.pass(.seconds(2))
    bench.receive(post("Content-Length: 2"))
    #expect(bench.state.evictableFrom == nil)
    bench.pull()
    #expect(bench.state.evictableFrom == start + .seconds(3))
    bench.pass(.seconds(2))
    bench.receive("ab")
    #expect(bench.state.evictableFrom == nil)
    _ = bench.state.answerBegins(wantsClose: false)
    bench.wrote(10, pending: 10)
    #expect(bench.state.evictableFrom == start + .seconds(5))
    bench.wrote(10, pending: 0)
    _ = bench.state.answerQueued(complete: true, at: bench.now)
    #expect(bench.state.evictableFrom == start + .seconds(4))
    bench.receive("G")
    #expect(bench.state.evictableFrom == start + .seconds(5))
}

@Test func `a connection that makes room ends quietly between requests and at once within one`() {
    var idle = Bench()
    idle.evict()
    #expect(idle.taken() == ["close"])

    var busy = Bench()
    busy.receive(post("Content-Length: 2"))
    busy.pull()
    busy.evict()
    #expect(busy.taken() == ["start /p", "fail gone", "cancel", "reset"])
}

@Test func `a server that is about to end refuses bodies that have not come`() {
    var uploading = Bench()
    uploading.receive(post("Content-Length: 100"))
    uploading.pull()
    uploading.stop()
    uploading.hurry()
    #expect(uploading.taken() == ["start /p", "fail 503", "cancel", "refuse 503"])

    var working = Bench()
    working.receive(request)
    working.stop()
    working.hurry()
    working.answer()
    #expect(working.taken() == ["start /a", "last answer", "close"])
}
