import Synchronization

/// What happens to one job, read from the database once for everybody who follows it. A class because they share it.
///
/// While somebody follows, one task waits for changes and reads them, at most ten times a second however often the job says
/// something, and wakes the followers with what it found. A follower that is further behind than what is kept reads its own
/// pages until it has caught up.
package final class JobFeed: Sendable {
    /// What is new for a follower.
    package struct Update: Sendable {
        package let job: Job
        /// In their order, each once.
        package let events: [JobEvent]
        /// Whether more is known already.
        package let hasMore: Bool
    }

    private struct State {
        var latest: Result<Job, JobsError>?
        /// The newest events, in their order and without a gap.
        var events: [JobEvent] = []
        var isReading = false
        var waiting: [ObjectIdentifier: Signal] = [:]
    }

    private static let interval = Duration.milliseconds(100)
    /// How long changes are read for nobody before the reader ends.
    private static let grace = Duration.seconds(1)
    private static let keptEvents = 512
    private static let page = 100

    private let id: String
    private let store: SQLiteJobStore
    private let state = Mutex(State())

    init(of id: String, in store: SQLiteJobStore) {
        self.id = id
        self.store = store
    }

    /// Returns as soon as there is more than the follower knows.
    ///
    /// - Parameters:
    ///   - event: the newest event that the follower knows, 0 for none
    ///   - revision: the job's revision that it knows, 0 for none
    ///   - deadline: when to stop waiting
    ///   - isOver: whether there is nothing to wait for any more, which ``SQLiteJobStore/wakeAll()`` makes everybody look at
    /// - Returns: nil when nothing new came until the deadline, the task was cancelled or the wait is over
    /// - Throws: ``JobsError/notFound`` when the job is gone
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
            // Whoever is too late to be woken sees here that it is over.
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

    /// What is known beyond a revision; without it the signal is among those that are woken.
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

    /// Wakes everybody, whatever they wait for.
    func wakeAll() {
        let signals = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for signal in signals { signal.fire() }
    }

    /// Reads changes for as long as somebody follows.
    private func read() async {
        while true {
            let start = ContinuousClock.now
            // Signed up before looking, so that no change is missed.
            let signal = store.hub.signal(for: .job(id))
            defer { store.hub.forget(signal, for: .job(id)) }
            await look()
            try? await Task.sleep(until: start + Self.interval, clock: .continuous)
            let isFollowed = state.withLock { !$0.waiting.isEmpty }
            await signal.wait(until: .now + (isFollowed ? .seconds(60) : Self.grace))
            let isOver = state.withLock { state in
                guard state.waiting.isEmpty else { return false }
                // What is kept would be old for whoever comes next.
                state = State()
                return true
            }
            if isOver { return }
        }
    }

    /// Reads the job and what it has said since the last look, and wakes the followers.
    private func look() async {
        let (id, known) = (id, state.withLock(\.events.last?.id))
        let result: Result<(Job, [JobEvent]), JobsError>
        do throws(JobsError) {
            result = .success(
                try await store.perform { store throws(JobsError) in
                    let job = try store.find(id)
                    // The first look takes the end of the history: who wants more reads it alone.
                    let after = known ?? max(0, job.lastEventID - Self.page)
                    return (job, try store.events(of: id, after: after, limit: Self.keptEvents).elements)
                })
        } catch {
            result = .failure(error)
        }
        let signals = state.withLock { state in
            let revision = try? state.latest?.get().revision
            switch result {
            case .success(let (job, events)):
                state.latest = .success(job)
                state.events = Array((state.events + events).suffix(Self.keptEvents))
                if job.revision == revision { return [Signal]() }
            case .failure(let error): state.latest = .failure(error)
            }
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for signal in signals { signal.fire() }
    }
}
