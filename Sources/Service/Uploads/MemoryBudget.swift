import JobContract
import Synchronization

/// The limit on the memory that all requests together hold for fields and JSON, however many forms are open at once. A
/// class because all requests share it.
final class MemoryBudget: Sendable {
    private let limitBytes: Int
    private let taken = Atomic(0)

    init(bytes: Int) { limitBytes = bytes }

    /// The part of one request. A class because it returns its bytes when it is released.
    final class Share {
        private let budget: MemoryBudget
        private var bytes = 0

        init(of budget: MemoryBudget) { self.budget = budget }

        deinit { budget.taken.subtract(bytes, ordering: .relaxed) }

        /// Takes `more` bytes.
        ///
        /// - Throws: ``Problem`` when the budget is used up; 503, because it becomes free again.
        func take(_ more: Int) throws(Problem) {
            bytes += more
            guard budget.taken.add(more, ordering: .relaxed).newValue <= budget.limitBytes else {
                throw .overloaded("Too many requests send their fields at the moment.")
            }
        }
    }
}
