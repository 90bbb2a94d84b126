import Dispatch
import Synchronization

/// Runs the handlers on Dispatch queues of its own, so that a handler that waits for the disk holds up none of Swift's threads
/// and not the sockets. A class, because it owns the queues.
///
/// Every queue is serial and so gets a thread when it has something to do; what comes goes to one that is free, and waits in
/// line when none is.
final class Workers: TaskExecutor, Sendable {
    private struct State: Sendable {
        var waiting: [UnownedJob] = []
        /// Where the line begins; what is before has been served.
        var served = 0
        var free: [DispatchQueue]
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(free: (0..<max(count, 1)).map { DispatchQueue(label: "http.worker.\($0)") }))
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let queue = state.withLock { state in
            let queue = state.free.popLast()
            if queue == nil { state.waiting.append(job) }
            return queue
        }
        guard let queue else { return }
        queue.async { self.run(job, on: queue) }
    }

    private func run(_ job: UnownedJob, on queue: DispatchQueue) {
        var next: UnownedJob? = job
        while let job = next {
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            next = state.withLock { state in
                guard state.served < state.waiting.count else {
                    state.free.append(queue)
                    return nil
                }
                let job = state.waiting[state.served]
                state.served += 1
                // Now and then, so that taking one costs the same however long the line is.
                if state.served == state.waiting.count || state.served >= 4096 {
                    state.waiting.removeFirst(state.served)
                    state.served = 0
                }
                return job
            }
        }
    }
}
