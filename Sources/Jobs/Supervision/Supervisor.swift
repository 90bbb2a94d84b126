package import Logging
import Synchronization

/// Takes jobs from the queue and runs each as a child process. A class because it owns the running workers.
///
/// The children form process groups of their own. They end with the server, by three ways: `SIGTERM` when it stops in
/// good order; the parent-death signal that the child asks for (``ChildLimits/dieWithParent(parent:)``); and the end of
/// its standard input, a pipe that the server holds open and never writes to
/// (``ChildLimits/exitWhenStandardInputCloses()``). Children are started on one thread that lives as long as the process,
/// because the kernel sends the parent-death signal when the *thread* that started the child ends.
package final class Supervisor: Sendable {
    let store: SQLiteJobStore
    let settings: SupervisorSettings
    let command: @Sendable (Job) throws -> JobCommand
    let interpret: @Sendable (Job, [UInt8]) -> SupervisorUpdate
    let publish: @Sendable (Job) throws(JobsError) -> Void
    let ended: @Sendable (Job) -> Void
    let now: @Sendable () -> UnixSeconds
    let due: @Sendable () -> UnixSeconds
    let logger: Logger

    private struct State {
        var stopping = false
        var workers: [Task<Void, Never>] = []
        /// Tokens of the leases of running attempts.
        var leases: Set<String> = []
        /// When a process could last not be started for want of something.
        var lastRefusal: ContinuousClock.Instant?
    }

    /// Between two looks whether there is room for a process.
    private static let roomInterval = Duration.seconds(1)
    /// How long a refusal counts after which nothing has been started.
    private static let refusalTime = Duration.seconds(10)

    private let state = Mutex(State())

    /// A supervisor that does nothing before ``start()``.
    ///
    /// - Parameters:
    ///   - store: where the jobs are.
    ///   - settings: limits and waits.
    ///   - command: what to run for a job; when it throws, the attempt counts as a crash.
    ///   - interpret: what a line of output means for its job, without the line's end.
    ///   - publish: makes the files of an attempt that succeeded the job's own; called before the job is told to have them.
    ///   - ended: told of a job that has got its final state, when its child is gone.
    ///   - now: the time, as people read it.
    ///   - due: the time that retries are due by: a clock that never steps.
    ///   - logger: gets the details that clients do not see.
    package init(
        store: SQLiteJobStore, settings: SupervisorSettings = SupervisorSettings(),
        command: @escaping @Sendable (Job) throws -> JobCommand,
        interpret: @escaping @Sendable (Job, [UInt8]) -> SupervisorUpdate = { _, line in EventLine.interpret(line) },
        publish: @escaping @Sendable (Job) throws(JobsError) -> Void = { _ in },
        ended: @escaping @Sendable (Job) -> Void = { _ in }, now: @escaping @Sendable () -> UnixSeconds,
        due: (@Sendable () -> UnixSeconds)? = nil, logger: Logger
    ) {
        self.store = store
        self.settings = settings
        self.command = command
        self.interpret = interpret
        self.publish = publish
        self.ended = ended
        self.now = now
        self.due = due ?? now
        self.logger = logger
    }

    /// Takes back the jobs that an earlier server left running, and starts the workers.
    package func start() throws(JobsError) {
        let interrupted = try store.requeueInterrupted(at: now())
        for job in interrupted { logger.notice("interrupted job taken back", metadata: ["job": "\(job.id)"]) }
        state.withLock { state in
            guard state.workers.isEmpty, !state.stopping else { return }
            state.workers = (0..<max(1, settings.concurrency)).map { _ in Task { await work() } }
        }
    }

    /// Ends the children, puts their jobs back without counting the attempt, and returns when all of that is done.
    package func stop() async {
        let workers = state.withLock { state in
            state.stopping = true
            return state.workers
        }
        store.hub.announce(.queue)
        for worker in workers { await worker.value }
    }

    var isStopping: Bool { state.withLock(\.stopping) }

    func hold(_ lease: Lease) { state.withLock { _ = $0.leases.insert(lease.token) } }
    func letGo(_ lease: Lease) { state.withLock { _ = $0.leases.remove(lease.token) } }

    /// Remembers whether the machine had room for the last process.
    func noteStart(_ hadRoom: Bool) { state.withLock { $0.lastRefusal = hadRoom ? nil : .now } }

    /// Whether a job that comes now could be started: there are descriptors for its process, and the last one could be
    /// started or that is long ago.
    package var hasRoom: Bool {
        let refusal = state.withLock(\.lastRefusal)
        return DescriptorLimit.hasRoom(for: DescriptorLimit.perProcess)
            && refusal.map { ContinuousClock.now - $0 > Self.refusalTime } ?? true
    }

    /// One worker: a job at a time until the server stops.
    private func work() async {
        while true {
            // Signed up before looking, so that neither a new job nor the stop is missed.
            let signal = store.hub.signal(for: .queue)
            defer { store.hub.forget(signal, for: .queue) }
            if isStopping { return }
            do throws(JobsError) {
                // Looked at before a job is claimed, so that one that cannot be started stays in the queue.
                guard DescriptorLimit.hasRoom(for: DescriptorLimit.perProcess) else {
                    noteStart(false)
                    await signal.wait(until: .now + Self.roomInterval)
                    continue
                }
                if let job = try await claim() {
                    await run(job)
                } else {
                    await signal.wait(until: try await nextLook())
                }
            } catch {
                logger.error("the queue cannot be read", metadata: ["error": "\(error)"])
                await signal.wait(until: .now + .seconds(5))
            }
        }
    }

    private func claim() async throws(JobsError) -> Job? {
        let (now, due, expiry) = (now(), due(), now() + settings.leaseSeconds)
        let held = state.withLock(\.leases)
        return try await store.perform { store throws(JobsError) in
            try store.claim(at: now, due: due, leaseUntil: expiry, held: held)
        }
    }

    /// When an idle worker looks again though nobody woke it: a retry falls due, or a lease may have run out.
    private func nextLook() async throws(JobsError) -> ContinuousClock.Instant {
        let available = try await store.perform { store throws(JobsError) in try store.nextAvailable() }
        let seconds = min(available.map { max(0, $0 - due()) } ?? settings.leaseSeconds, settings.leaseSeconds)
        return .now + max(.seconds(seconds), .milliseconds(50))
    }
}
