import JobContract
import Synchronization

/// A class, because everybody takes from the same. What requests may hold in memory of what their clients wrote: however many
/// forms are held open at once, together they take no more.
final class MemoryBudget: Sendable {
    private let limitBytes: Int
    private let taken = Atomic(0)

    init(bytes: Int) { limitBytes = bytes }

    /// A class, because what it took goes back with it. The part of one request.
    final class Share {
        private let budget: MemoryBudget
        private var bytes = 0

        init(of budget: MemoryBudget) { self.budget = budget }

        deinit { budget.taken.subtract(bytes, ordering: .relaxed) }

        /// Takes so much more.
        ///
        /// - Throws: ``Problem`` when nothing is left; 503, since it will be there again.
        func take(_ more: Int) throws(Problem) {
            bytes += more
            guard budget.taken.add(more, ordering: .relaxed).newValue <= budget.limitBytes else {
                throw .overloaded("Too many requests send their fields at the moment.")
            }
        }
    }
}
