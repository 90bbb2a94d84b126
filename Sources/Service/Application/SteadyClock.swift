import Foundation

/// Seconds since 1970 by a clock that is set once at process start and never steps, for leases, retries and retention.
/// Times shown to people follow the system clock instead.
struct SteadyClock: Sendable {
    private let start = ContinuousClock.now
    private let startSeconds = Int(Date.now.timeIntervalSince1970)

    var now: Int { startSeconds + Int((ContinuousClock.now - start) / .seconds(1)) }
}
