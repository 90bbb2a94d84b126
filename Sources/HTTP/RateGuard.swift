/// Asks for a number of bytes in every window of waiting. Time in which nobody waits for the client does not count.
///
/// A timer from one byte to the next would let a client that sends one a minute stay for ever.
struct RateGuard: Sendable {
    typealias Instant = ContinuousClock.Instant

    let window: Duration
    let bytesPerWindow: Int
    private var bytes = 0
    private var waited = Duration.zero
    private var since: Instant?

    init(window: Duration, bytesPerWindow: Int) {
        self.window = window
        self.bytesPerWindow = bytesPerWindow
    }

    /// When the window that is open ends; nil while nobody waits.
    var deadline: Instant? { since.map { $0 + (window - waited) } }

    mutating func start(at now: Instant) { since = since ?? now }

    mutating func stop(at now: Instant) {
        guard let since else { return }
        waited += max(now - since, .zero)
        self.since = nil
    }

    mutating func count(_ bytes: Int) { self.bytes += bytes }

    /// Looks at a window that has ended, and opens the next one.
    ///
    /// - Returns: whether too little came in it
    mutating func isTooSlow(at now: Instant) -> Bool {
        guard let deadline, now >= deadline else { return false }
        let isTooSlow = bytes < bytesPerWindow
        (bytes, waited, since) = (0, .zero, now)
        return isTooSlow
    }
}
