/// The minimum transfer rate by time waited: 240 bytes/s for 10 s, doubled every further 10 s up to 4 KiB/s.
package struct MinimumRate: Sendable {
    /// The interval at which the rate is checked.
    package var window = Duration.seconds(5)
    package var firstBytesPerWindow = 1200
    package var lastBytesPerWindow = 20_480
    /// The number of windows until the rate doubles.
    package var windowsBetweenDoublings = 2
    /// The maximum credit of a faster client, as a number of silent windows.
    package var creditWindows = 3

    package init() {}

    /// The minimum number of bytes in a window, counted from 0.
    func bytes(inWindow window: Int) -> Int {
        let doublings = min(window / max(windowsBetweenDoublings, 1), 30)
        return min(firstBytesPerWindow << doublings, lastBytesPerWindow)
    }
}

/// Checks that each window of waiting time brings enough bytes. Only time spent waiting for the client counts.
///
/// A timeout between two bytes would let a client that sends one byte a minute keep its connection for ever.
struct RateGuard: Sendable {
    typealias Instant = ContinuousClock.Instant

    private let rate: MinimumRate
    private var windows = 0
    private var bytes = 0
    /// Bytes beyond the required ones.
    private var credit = 0
    private var waited = Duration.zero
    private var since: Instant?

    init(_ rate: MinimumRate) { self.rate = rate }

    /// The end of the current window; nil while the server does not wait.
    var deadline: Instant? { since.map { $0 + (rate.window - waited) } }

    mutating func start(at now: Instant) { since = since ?? now }

    mutating func stop(at now: Instant) {
        guard let since else { return }
        waited += max(now - since, .zero)
        self.since = nil
    }

    mutating func count(_ bytes: Int) { self.bytes += bytes }

    /// Checks a window that has ended and starts the next one.
    ///
    /// - Returns: whether the client was too slow
    mutating func isTooSlow(at now: Instant) -> Bool {
        guard let deadline, now >= deadline else { return false }
        let wanted = rate.bytes(inWindow: windows)
        credit = min(credit + bytes - wanted, rate.creditWindows * wanted)
        windows += 1
        (bytes, waited, since) = (0, .zero, now)
        return credit < 0
    }
}
