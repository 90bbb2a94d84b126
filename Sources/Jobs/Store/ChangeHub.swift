import Synchronization

/// Wakes those who wait for a change. A class because the store and its waiters share it.
///
/// Nothing is remembered here: a waiter signs up first and looks at the database second, so a change between the two
/// is seen, and a hub of no waiters holds no memory.
final class ChangeHub: Sendable {
    enum Topic: Hashable {
        case job(String)
        /// A job that can be claimed.
        case queue
    }

    private let waiting = Mutex<[Topic: [Signal]]>([:])

    /// Signs up for the next change.
    func signal(for topic: Topic) -> Signal {
        let signal = Signal()
        waiting.withLock { $0[topic, default: []].append(signal) }
        return signal
    }

    /// Takes back a signal that nobody waits for any more.
    func forget(_ signal: Signal, for topic: Topic) {
        waiting.withLock { waiting in
            waiting[topic]?.removeAll { $0 === signal }
            if waiting[topic]?.isEmpty == true { waiting[topic] = nil }
        }
    }

    /// Wakes everybody, whatever they wait for.
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

/// Fires once. A class because the one who waits and the one who fires share it.
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

    /// Returns when the signal has fired, the deadline has passed or the task is cancelled. Only one may wait.
    func wait(until deadline: ContinuousClock.Instant) async {
        let timer = Task {
            // Cancelled when the signal came first; firing it again changes nothing.
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
