import Foundation
import JobContract

/// Seconds since 1970 by a clock that was set once, when the process began, and never steps: what leases, retries and retention
/// go by. What people read follows the machine's own clock instead.
struct SteadyClock: Sendable {
    private let start = ContinuousClock.now
    private let startSeconds = Int(Date.now.timeIntervalSince1970)

    var now: Int { startSeconds + Int((ContinuousClock.now - start) / .seconds(1)) }
}
