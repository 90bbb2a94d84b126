/// A binary heap of timers, earliest first. A timer that is no longer needed is kept: a receiver that is called too
/// early checks its own deadline.
struct TimerQueue: Sendable {
    typealias Instant = ContinuousClock.Instant

    private var entries: [(time: Instant, id: UInt64)] = []

    var first: Instant? { entries.first?.time }
    var isEmpty: Bool { entries.isEmpty }

    mutating func add(_ id: UInt64, at time: Instant) {
        entries.append((time, id))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].time < entries[parent].time else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Removes and returns the earliest timer if it is due.
    mutating func next(at now: Instant) -> (time: Instant, id: UInt64)? {
        guard let first = entries.first, first.time <= now, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < entries.count }
            guard let child = children.min(by: { entries[$0].time < entries[$1].time }),
                entries[child].time < entries[parent].time
            else { return first }
            entries.swapAt(child, parent)
            parent = child
        }
    }
}
