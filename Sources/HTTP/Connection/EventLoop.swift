import Dispatch
import Synchronization

/// Whoever waits for a descriptor or a time. Both functions are called on the loop's queue.
protocol EventReceiver: AnyObject, Sendable {
    /// The descriptor is ready.
    func descriptorReady(_ ready: Interest)
    /// The time that was asked for has come, or one that was asked for before it.
    func timeHasCome()
}

/// Waits for all sockets at once, and runs what is isolated to it in between. A class, because it owns the descriptors it waits
/// with.
///
/// One queue, and on it one closure that does not return until ``stop()``: whatever runs on the loop runs alone. That makes it
/// the executor of the actors ``Server`` and ``Connection``.
final class EventLoop: SerialExecutor, Sendable {
    private struct State: Sendable {
        var jobs: [UnownedJob] = []
        var receivers: [UInt64: any EventReceiver] = [:]
        /// The next time at which each receiver is in the queue.
        var scheduled: [UInt64: ContinuousClock.Instant] = [:]
        var timers = TimerQueue()
        var nextID: UInt64 = 1
        var isWaiting = false
        var isStopped = false
    }

    private static let signalID: UInt64 = 0

    private let queue = DispatchQueue(label: "http.loop")
    private let poll: FileDescriptor
    private let signal: FileDescriptor
    private let state = Mutex(State())

    init() throws(SystemError) {
        poll = try Syscalls.makePoll()
        signal = try Syscalls.makeSignal()
        try Syscalls.watch(signal.raw, as: Self.signalID, for: .read, in: poll.raw)
        queue.async { self.run() }
    }

    // MARK: As an executor

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let (isStopped, wakes) = state.withLock { state in
            if state.isStopped { return (true, false) }
            state.jobs.append(job)
            defer { state.isWaiting = false }
            return (false, state.isWaiting)
        }
        if isStopped {
            // The loop has left its queue, so that the queue itself keeps what comes late apart.
            queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        } else if wakes {
            Syscalls.signal(signal.raw)
        }
    }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

    // MARK: For those who run on it

    /// Begins to watch a descriptor.
    ///
    /// - Returns: the id by which it is changed and forgotten; never used again, so that an event that comes late finds nobody
    func register(_ raw: CInt, _ receiver: any EventReceiver, for interest: Interest) throws(SystemError) -> UInt64 {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            state.receivers[state.nextID] = receiver
            return state.nextID
        }
        do throws(SystemError) {
            try Syscalls.watch(raw, as: id, for: interest, in: poll.raw)
        } catch {
            forget(id)
            throw error
        }
        return id
    }

    func change(_ id: UInt64, _ raw: CInt, to interest: Interest) {
        // It can only fail for a descriptor that is not watched.
        try? Syscalls.change(raw, as: id, to: interest, in: poll.raw)
    }

    /// Stops to tell the receiver anything; closing the descriptor does the rest.
    func forget(_ id: UInt64) {
        let receiver = state.withLock { state in
            state.scheduled[id] = nil
            return state.receivers.removeValue(forKey: id)
        }
        // Released outside of the lock: it may be the last owner.
        _ = receiver
    }

    /// Asks for a call at a time, or earlier.
    func schedule(_ id: UInt64, at time: ContinuousClock.Instant) {
        state.withLock { state in
            if let known = state.scheduled[id], known <= time { return }
            state.scheduled[id] = time
            state.timers.add(id, at: time)
        }
    }

    /// Ends the loop once nothing is left to run.
    func stop() { state.withLock { $0.isStopped = true } }

    // MARK: The loop

    private func run() {
        while true {
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                return state.jobs
            }
            for job in jobs { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
            guard let milliseconds = timeToWait() else { return }
            for (id, ready) in Syscalls.wait(poll.raw, milliseconds: milliseconds) {
                if id == Self.signalID {
                    Syscalls.clearSignal(signal.raw)
                } else {
                    state.withLock { $0.receivers[id] }?.descriptorReady(ready)
                }
            }
            state.withLock { $0.isWaiting = false }
            fireTimers()
        }
    }

    /// How long nothing is known to happen; nil when the loop is over.
    private func timeToWait() -> CInt? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return 0 }
            if state.isStopped { return nil }
            state.isWaiting = true
            guard let first = state.timers.first else { return -1 }
            let left = first - ContinuousClock.now
            guard left > .zero else { return 0 }
            // Rounded up, or the last millisecond would be spent in a loop that does not wait.
            let milliseconds = left.components.seconds.multipliedReportingOverflow(by: 1000)
            let fraction = left.components.attoseconds / 1_000_000_000_000_000
            return milliseconds.overflow ? .max : CInt(clamping: milliseconds.partialValue + fraction + 1)
        }
    }

    private func fireTimers() {
        let now = ContinuousClock.now
        while true {
            let (isOver, receiver) = state.withLock { state -> (Bool, (any EventReceiver)?) in
                guard let (time, id) = state.timers.next(at: now) else { return (true, nil) }
                guard state.scheduled[id] == time else { return (false, nil) }
                state.scheduled[id] = nil
                return (false, state.receivers[id])
            }
            if isOver { return }
            receiver?.timeHasCome()
        }
    }
}
