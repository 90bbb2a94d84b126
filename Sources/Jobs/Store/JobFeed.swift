import Synchronization

/// The changes of one job, read from the database once for all its followers. A class because the followers share it.
///
/// While there are followers, one task reads the changes at most ten times a second and wakes the followers; with more
/// than fifty it reads less often, so that all their wake-ups together stay at 500 a second and leave the processors to
/// the job.
/// A follower that is behind the kept events reads its own pages until it has caught up.
package final class JobFeed: Sendable {
    /// The changes that are new to a follower.
    package struct Update: Sendable {
        package let job: Job
        /// The new events in order, each once.
        package let events: [JobEvent]
        /// True when there are more events already.
        package let hasMore: Bool
    }

    private struct State {
        var latest: Result<Job, JobsError>?
        /// The newest events, in order and without a gap.
        var events: [JobEvent] = []
        var isReading = false
        var waiting: [ObjectIdentifier: Signal] = [:]

        /// The signals of the waiting followers, which no longer wait.
        mutating func takeWaiting() -> [Signal] {
            defer { waiting = [:] }
            return Array(waiting.values)
        }
    }

    /// The shortest time between two reads.
    private static let interval = Duration.milliseconds(100)
    /// The time between two reads for each follower that the first of them wakes.
    private static let intervalPerFollower = Duration.milliseconds(2)
    private static let longestInterval = Duration.seconds(2)
    /// The time without followers after which the reader ends.
    private static let grace = Duration.seconds(1)
    private static let keptEvents = 512
    private static let page = 100

    private let id: String
    private let store: SQLiteJobStore
    private let state = Mutex(State())

    init(of id: String, in store: SQLiteJobStore) { (self.id, self.store) = (id, store) }

    /// Waits for changes that the follower does not have.
    ///
    /// - Parameters:
    ///   - event: the id of the newest event that the follower has; 0 for none
    ///   - revision: the revision that it has; 0 for none
    ///   - deadline: the end of the wait
    ///   - isOver: whether to stop waiting; ``SQLiteJobStore/wakeAll()`` makes all waits check it
    /// - Returns: nil when nothing changed until the deadline, the task was cancelled or the wait is over
    /// - Throws: ``JobsError/notFound`` when the job is deleted
    package func next(
        after event: Int, since revision: Int, until deadline: ContinuousClock.Instant,
        unless isOver: @Sendable () -> Bool = { false }
    ) async throws(JobsError) -> Update? {
        while !isOver(), !Task.isCancelled {
            let signal = Signal()
            switch look(since: revision, or: signal) {
            case .found(.success(let job), let events): return try await update(job, events, after: event)
            case .found(.failure(let error), _): throw error
            case .wait(startsReading: true): Task { await read() }
            case .wait: break
            }
            // Checked after signing up: a follower that signs up too late for the wake-up sees it here.
            if !isOver() { await signal.wait(until: deadline) }
            state.withLock { _ = $0.waiting.removeValue(forKey: ObjectIdentifier(signal)) }
            if ContinuousClock.now >= deadline { return nil }
        }
        return nil
    }

    private enum Look {
        case found(Result<Job, JobsError>, [JobEvent])
        case wait(startsReading: Bool)
    }

    /// The known state beyond a revision; if there is none, signs up the signal.
    private func look(since revision: Int, or signal: Signal) -> Look {
        state.withLock { state in
            if let latest = state.latest {
                guard case .success(let job) = latest, job.revision <= revision else {
                    return .found(latest, state.events)
                }
            }
            state.waiting[ObjectIdentifier(signal)] = signal
            defer { state.isReading = true }
            return .wait(startsReading: !state.isReading)
        }
    }

    private func update(_ job: Job, _ events: [JobEvent], after event: Int) async throws(JobsError) -> Update {
        if event >= job.lastEventID { return Update(job: job, events: [], hasMore: false) }
        if let first = events.first, let last = events.last, first.id <= event + 1, last.id > event {
            return Update(job: job, events: events.filter { $0.id > event }, hasMore: last.id < job.lastEventID)
        }
        let id = id
        let page = try await store.perform { store throws(JobsError) in
            try store.events(of: id, after: event, limit: Self.page)
        }
        return Update(job: job, events: page.elements, hasMore: page.hasMore)
    }

    /// Wakes all followers.
    func wakeAll() { for signal in state.withLock({ $0.takeWaiting() }) { signal.fire() } }

    /// Reads changes while there are followers.
    private func read() async {
        while true {
            let start = ContinuousClock.now
            // Signed up before reading, so that no change is missed.
            let signal = store.hub.signal(for: .job(id))
            defer { store.hub.forget(signal, for: .job(id)) }
            let interval = Self.interval(waking: await look())
            try? await Task.sleep(until: start + interval, clock: .continuous)
            let isFollowed = state.withLock { !$0.waiting.isEmpty }
            await signal.wait(until: .now + (isFollowed ? .seconds(60) : Self.grace))
            let isOver = state.withLock { state in
                guard state.waiting.isEmpty else { return false }
                // The kept state would be stale for the next follower.
                state = State()
                return true
            }
            if isOver { return }
        }
    }

    /// The time between two reads of which the first wakes `count` followers.
    static func interval(waking count: Int) -> Duration {
        min(max(interval, intervalPerFollower * count), longestInterval)
    }

    /// Reads the job and its new events and wakes the followers.
    ///
    /// - Returns: the number of followers woken
    private func look() async -> Int {
        let (id, known) = (id, state.withLock(\.events.last?.id))
        let result: Result<(Job, [JobEvent]), JobsError>
        do throws(JobsError) {
            result = .success(
                try await store.perform { store throws(JobsError) in
                    let job = try store.find(id)
                    // The first read takes the newest events only: followers read older ones themselves.
                    let after = known ?? max(0, job.lastEventID - Self.page)
                    return (job, try store.events(of: id, after: after, limit: Self.keptEvents).elements)
                })
        } catch {
            result = .failure(error)
        }
        let signals = state.withLock { state -> [Signal] in
            let revision = try? state.latest?.get().revision
            switch result {
            case .success(let (job, events)):
                state.latest = .success(job)
                state.events = Array((state.events + events).suffix(Self.keptEvents))
                if job.revision == revision { return [] }
            case .failure(let error): state.latest = .failure(error)
            }
            return state.takeWaiting()
        }
        for signal in signals { signal.fire() }
        return signals.count
    }
}
