import JobContract
import Synchronization

/// Set once, when the service is asked to stop. A class, because everybody looks at the same one.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
