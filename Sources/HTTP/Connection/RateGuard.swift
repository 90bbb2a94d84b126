/// The least that has to pass, by how long it has been waited for: 240 bytes a second for 10 s, then twice as much for the next
/// 10 s, and so on up to 4 KiB a second.
package struct MinimumRate: Sendable {
    /// How often the rate is looked at.
    package var window = Duration.seconds(5)
    package var firstBytesPerWindow = 1200
    package var lastBytesPerWindow = 20_480
    /// Windows until the rate doubles.
    package var windowsBetweenDoublings = 2
    /// How many windows a client may fall silent that was faster before.
    package var creditWindows = 3

    package init() {}

    /// What has to pass in a window, counted from 0.
    func bytes(inWindow window: Int) -> Int {
        let doublings = min(window / max(windowsBetweenDoublings, 1), 30)
        return min(firstBytesPerWindow << doublings, lastBytesPerWindow)
    }
}

/// Asks for a number of bytes in every window of waiting. Time in which nobody waits for the client does not count.
///
/// A timer from one byte to the next would let a client that sends one a minute stay for ever.
struct RateGuard: Sendable {
    typealias Instant = ContinuousClock.Instant

    private let rate: MinimumRate
    private var windows = 0
    private var bytes = 0
    /// What came beyond what had to.
    private var credit = 0
    private var waited = Duration.zero
    private var since: Instant?

    init(_ rate: MinimumRate) { self.rate = rate }

    /// When the window that is open ends; nil while nobody waits.
    var deadline: Instant? { since.map { $0 + (rate.window - waited) } }

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
        let wanted = rate.bytes(inWindow: windows)
        credit = min(credit + bytes - wanted, rate.creditWindows * wanted)
        windows += 1
        (bytes, waited, since) = (0, .zero, now)
        return credit < 0
    }
}
