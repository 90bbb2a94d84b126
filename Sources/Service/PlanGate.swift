/// Lets a few in at a time, in the order in which they came, and turns away whom the line is too long for.
///
/// An actor, because those who wait share it.
actor PlanGate {
    private let line: Int
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - places: for those who are in
    ///   - line: for those who wait
    init(places: Int, line: Int) {
        free = places
        self.line = line
    }

    /// How many wait.
    var length: Int { waiting.count }

    /// Returns when there is a place; whoever enters leaves again.
    ///
    /// - Throws: ``Problem`` when too many wait already.
    func enter() async throws(Problem) {
        if free > 0 {
            free -= 1
            return
        }
        guard waiting.count < line else {
            throw Problem(.queueFull, "\(waiting.count) plans are waiting.", retryAfterSeconds: 5)
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Gives the place to the one who waits longest.
    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
