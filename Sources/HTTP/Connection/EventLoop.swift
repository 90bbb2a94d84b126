import Dispatch
import Synchronization
import SystemCalls

/// A receiver of descriptor and timer events. Both functions are called on the loop's queue.
protocol EventReceiver: AnyObject, Sendable {
    /// Handles events of the descriptor.
    func descriptorReady(_ ready: Interest)
    /// Handles a timer; it may be one that was scheduled earlier and is no longer needed.
    func timeHasCome()
}

/// Waits for all sockets at once and runs the jobs of its actors in between. A class because it owns the descriptors of
/// epoll and of its signal.
///
/// The loop is one closure on one serial queue that returns after ``stop()``, so that all code on it is serialised. It
/// is the executor of the actors ``Server`` and ``Connection``.
final class EventLoop: SerialExecutor, Sendable {
    private struct State: Sendable {
        var jobs: [UnownedJob] = []
        var receivers: [UInt64: any EventReceiver] = [:]
        /// The next scheduled time of each receiver.
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

    // MARK: Executor

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let (isStopped, wakes) = state.withLock { state in
            if state.isStopped { return (true, false) }
            state.jobs.append(job)
            defer { state.isWaiting = false }
            return (false, state.isWaiting)
        }
        if isStopped {
            // The loop's closure has returned: the serial queue itself isolates late jobs.
            queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        } else if wakes {
            Syscalls.signal(signal.raw)
        }
    }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

    // MARK: Registration

    /// Starts to watch a descriptor.
    ///
    /// - Returns: the id of the registration; ids are not reused, so that a late event has no receiver
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
        // Fails only for a descriptor that is not watched.
        try? Syscalls.change(raw, as: id, to: interest, in: poll.raw)
    }

    /// Removes a receiver; closing its descriptor removes that from epoll.
    func forget(_ id: UInt64) {
        let receiver = state.withLock { state in
            state.scheduled[id] = nil
            return state.receivers.removeValue(forKey: id)
        }
        // Released outside of the lock: this may be the last reference.
        _ = receiver
    }

    /// Schedules a call of the receiver at the given time or earlier.
    func schedule(_ id: UInt64, at time: ContinuousClock.Instant) {
        state.withLock { state in
            if let known = state.scheduled[id], known <= time { return }
            state.scheduled[id] = time
            state.timers.add(id, at: time)
        }
    }

    /// Ends the loop once no job is left.
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

    /// The time until the next timer in milliseconds, -1 without timers; nil when the loop ends.
    private func timeToWait() -> CInt? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return 0 }
            if state.isStopped { return nil }
            state.isWaiting = true
            guard let first = state.timers.first else { return -1 }
            let left = first - ContinuousClock.now
            guard left > .zero else { return 0 }
            // Rounded up, or the last millisecond would be a busy loop.
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
