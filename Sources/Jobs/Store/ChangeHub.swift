import Synchronization

/// Wakes the waiters for a change. A class because the store and its waiters share it.
///
/// It does not store changes: a waiter signs up before it reads the database, so it sees a change between the two.
/// Without waiters the hub holds no memory.
final class ChangeHub: Sendable {
    enum Topic: Hashable {
        case job(String)
        /// Jobs that can be claimed.
        case queue
    }

    private let waiting = Mutex<[Topic: [Signal]]>([:])

    /// Signs up for the next change.
    func signal(for topic: Topic) -> Signal {
        let signal = Signal()
        waiting.withLock { $0[topic, default: []].append(signal) }
        return signal
    }

    /// Removes a signal that is no longer waited for.
    func forget(_ signal: Signal, for topic: Topic) {
        waiting.withLock { waiting in
            waiting[topic]?.removeAll { $0 === signal }
            if waiting[topic]?.isEmpty == true { waiting[topic] = nil }
        }
    }

    /// Wakes the waiters of all topics.
    func announceAll() {
        let signals = waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting.values.flatMap(\.self)
        }
        for signal in signals { signal.fire() }
    }

    func announce(_ topic: Topic) {
        let signals = waiting.withLock { $0.removeValue(forKey: topic) } ?? []
        for signal in signals { signal.fire() }
    }
}

/// A signal that fires once. A class because its waiter and the code that fires it share it.
final class Signal: Sendable {
    private enum State {
        case idle
        case waited(CheckedContinuation<Void, Never>)
        case fired
    }

    private let state = Mutex(State.idle)

    func fire() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            defer { state = .fired }
            guard case .waited(let continuation) = state else { return nil }
            return continuation
        }
        waiter?.resume()
    }

    /// Waits until the signal fires, the deadline passes or the task is cancelled. Only one task may wait.
    func wait(until deadline: ContinuousClock.Instant) async {
        let timer = Task {
            // Ends early when the signal fired first; firing again has no effect.
            try? await Task.sleep(until: deadline, clock: .continuous)
            fire()
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let fired = state.withLock { state in
                    if case .fired = state { return true }
                    state = .waited(continuation)
                    return false
                }
                if fired { continuation.resume() }
            }
        } onCancel: {
            fire()
        }
    }
}
