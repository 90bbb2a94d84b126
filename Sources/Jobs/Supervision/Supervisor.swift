package import Logging
import Synchronization
import SystemCalls

/// Takes jobs from the queue and runs each in a job process. A class because it owns the running tasks.
///
/// Job processes have process groups of their own. They end with the server in three ways: `SIGTERM` when it stops in
/// order; the parent-death signal, which the job process requests (``ChildLimits/dieWithParent(parent:)``); and the end
/// of standard input, a pipe that the server holds open and never writes to
/// (``ChildLimits/exitWhenStandardInputCloses()``). Job processes are started on one thread that lives as long as the
/// server, because the kernel sends the parent-death signal when the *thread* that started the process ends.
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
        /// The tokens of the leases of running attempts.
        var leases: Set<String> = []
        /// The time at which a process could last not be started for lack of resources.
        var lastRefusal: ContinuousClock.Instant?
    }

    /// The interval between two checks for resources.
    private static let roomInterval = Duration.seconds(1)
    /// The time for which a refusal counts if no process has been started since.
    private static let refusalTime = Duration.seconds(10)

    private let state = Mutex(State())

    /// Creates a supervisor that is idle until ``start()``.
    ///
    /// - Parameters:
    ///   - store: the store of the jobs
    ///   - settings: the limits and waits
    ///   - command: makes the command of a job; if it throws, the attempt counts as a crash
    ///   - interpret: interprets an output line without its line end
    ///   - publish: moves the files of a successful attempt to the job; called before the job gets its result
    ///   - ended: called with a job in its final status after its process has ended
    ///   - now: the current time of day
    ///   - due: the current time of a clock that never steps, by which retries are due
    ///   - logger: the log, which receives details that clients do not see
    package init(
        store: SQLiteJobStore, settings: SupervisorSettings = SupervisorSettings(),
        command: @escaping @Sendable (Job) throws -> JobCommand,
        interpret: @escaping @Sendable (Job, [UInt8]) -> SupervisorUpdate = { _, line in EventLine.interpret(line) },
        publish: @escaping @Sendable (Job) throws(JobsError) -> Void = { _ in },
        ended: @escaping @Sendable (Job) -> Void = { _ in }, now: @escaping @Sendable () -> UnixSeconds,
        due: (@Sendable () -> UnixSeconds)? = nil, logger: Logger
    ) {
        (self.store, self.settings, self.command, self.interpret) = (store, settings, command, interpret)
        (self.publish, self.ended, self.now) = (publish, ended, now)
        self.due = due ?? now
        self.logger = logger
    }

    /// Puts the jobs that the last server left running back into the queue and starts to run jobs.
    package func start() throws(JobsError) {
        let interrupted = try store.requeueInterrupted(at: now())
        for job in interrupted { logger.notice("interrupted job taken back", metadata: ["job": "\(job.id)"]) }
        state.withLock { state in
            guard state.workers.isEmpty, !state.stopping else { return }
            state.workers = (0..<max(1, settings.concurrency)).map { _ in Task { await work() } }
        }
    }

    /// Ends the job processes, puts their jobs back into the queue without counting the attempts, then returns.
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

    /// Records whether there were resources for the last process.
    func noteStart(_ hadRoom: Bool) { state.withLock { $0.lastRefusal = hadRoom ? nil : .now } }

    /// True when a new job could be started: its process has enough descriptors, and no process was refused recently.
    package var hasRoom: Bool {
        let refusal = state.withLock(\.lastRefusal)
        return DescriptorLimit.hasRoom(for: DescriptorLimit.perProcess)
            && refusal.map { ContinuousClock.now - $0 > Self.refusalTime } ?? true
    }

    /// Runs one job after the other until the server stops.
    private func work() async {
        while true {
            // Signed up before the checks, so that neither a new job nor the stop is missed.
            let signal = store.hub.signal(for: .queue)
            defer { store.hub.forget(signal, for: .queue) }
            if isStopping { return }
            do throws(JobsError) {
                // Checked before a job is claimed, so that a job that cannot be started remains queued.
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

    /// The time of the next check without a signal: when a retry is due or a lease may have expired.
    private func nextLook() async throws(JobsError) -> ContinuousClock.Instant {
        let available = try await store.perform { store throws(JobsError) in try store.nextAvailable() }
        let seconds = min(available.map { max(0, $0 - due()) } ?? settings.leaseSeconds, settings.leaseSeconds)
        return .now + max(.seconds(seconds), .milliseconds(50))
    }
}
