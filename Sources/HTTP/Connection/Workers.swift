import Dispatch
import Synchronization

/// The executor of the handlers on Dispatch queues of its own, so that a handler that blocks on the disk delays neither
/// Swift's cooperative threads nor the sockets. A class because it owns the queues.
///
/// Each queue is serial and has a thread while it has work. A job runs on a free queue, or waits until there is one.
final class Workers: TaskExecutor, Sendable {
    private struct State: Sendable {
        var waiting: [UnownedJob] = []
        /// The index in `waiting` of the next job; earlier ones are done.
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
                // Removed in batches, so that taking a job takes constant time on average.
                if state.served == state.waiting.count || state.served >= 4096 {
                    state.waiting.removeFirst(state.served)
                    state.served = 0
                }
                return job
            }
        }
    }
}
