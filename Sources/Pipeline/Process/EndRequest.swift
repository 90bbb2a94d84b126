import Glibc
import Synchronization

/// A request to end a search with the best that it has: by SIGUSR1, or by a deadline, less the time that the work behind the
/// search takes. A class because it remembers what the search has heeded.
package final class EndRequest {
    package enum Reason: String, Sendable { case finish, deadline }

    /// The reason why the search left something out; nil if it did not.
    package private(set) var heeded: Reason?
    /// The time for what is written last.
    static let margin = Duration.seconds(2)
    /// The time that the work behind the search takes.
    var reserve = Duration.zero
    private let deadline: ContinuousClock.Instant?
    private let now: () -> ContinuousClock.Instant
    private let isAsked: () -> Bool

    /// - Parameters:
    ///   - deadline: the instant by which all work is to be done; nil for none.
    ///   - now: returns the time.
    ///   - isAsked: tells whether a finish was asked for.
    package init(
        deadline: ContinuousClock.Instant? = nil, now: @escaping () -> ContinuousClock.Instant = { .now },
        isAsked: @escaping () -> Bool = { EndRequest.wasSignalled }
    ) {
        (self.deadline, self.now, self.isAsked) = (deadline, now, isAsked)
    }

    /// True when the search is to leave out what it has not begun. Asked before each unit of its work.
    func isFinishing() -> Bool {
        if heeded == nil {
            if isAsked() {
                heeded = .finish
            } else if let deadline, now() + reserve >= deadline {
                heeded = .deadline
            }
        }
        return heeded != nil
    }

    /// True when so long a work would end before the deadline.
    func hasTime(for work: Duration) -> Bool { deadline.map { now() + work < $0 } ?? true }

    // MARK: Signal

    private static let flag = Atomic(false)
    private static let result = Atomic(false)

    /// True once this process got SIGUSR1.
    package static var wasSignalled: Bool { flag.load(ordering: .relaxed) }

    /// True once this process has a network that a deadline may end the search with.
    package static var hasResult: Bool { result.load(ordering: .relaxed) }

    static func noteResult() { result.store(true, ordering: .relaxed) }

    /// Makes SIGUSR1 ask this process to finish, instead of ending it.
    package static func listen() {
        // The flags are made before the handler that sets one of them.
        _ = wasSignalled
        _ = signal(SIGUSR1) { _ in EndRequest.flag.store(true, ordering: .relaxed) }
    }
}
