import FoundationEssentials
import Logging
import Synchronization
import SystemCalls

/// One run of a job's process. A class because its tasks (two readers and a guard) share its state.
final class Attempt: Sendable {
    private let job: Job
    private let lease: Lease
    private let supervisor: Supervisor
    private let logger: Logger

    private struct State {
        var asked: StopReason?
        /// True when the process is to finish with what it has, and once it was told.
        var finish = (isAsked: false, isTold: false)
        var result: Data?
        var error: Data?
        /// True when this attempt saved a checkpoint from which the next one continues.
        var advanced = false
        var isUsable = false
        var lines = 0
        var usage = JobUsage()
        var eventsLeft: Int
        var warned = false
        /// True while a report, and with it the job process, waits for disk space.
        var waitsForRoom = false
    }

    private let state: Mutex<State>

    init(job: Job, lease: Lease, supervisor: Supervisor, logger: Logger) {
        (self.job, self.lease, self.supervisor, self.logger) = (job, lease, supervisor, logger)
        state = Mutex(State(eventsLeft: max(0, supervisor.settings.events - job.lastEventID)))
    }

    var usage: JobUsage { state.withLock(\.usage) }

    /// The interval between attempts to write a report to a full disk.
    private static let roomInterval = Duration.seconds(1)

    /// Runs the job process and returns when it and its process group have ended.
    func run(_ command: JobCommand) async -> AttemptOutcome {
        let start = ContinuousClock.now
        let watch = Task { await watchForCancel() }
        defer { watch.cancel() }
        var stop: StopReason?
        let exit: ChildExit
        var tail = Tail(limit: supervisor.settings.standardErrorBytes)
        do throws(SystemError) {
            exit = try await ChildProcess.run(command) { child in
                async let errors = readErrors(child)
                async let lines: Void = readLines(child)
                stop = await guardChild(child, command)
                (tail, _) = await (errors, lines)
            }
        } catch {
            logger.error("the worker cannot be started", metadata: ["error": "\(error)"])
            exit = error.isPassing ? .noResources : .notStarted
        }
        let ending = state.withLock {
            $0.usage.runningSeconds = (ContinuousClock.now - start) / .seconds(1)
            return AttemptOutcome(stop: stop, exit: exit, result: $0.result, error: $0.error, advanced: $0.advanced)
        }
        if exit != .exited(0) || ending.result == nil {
            logger.notice(
                "the worker ended",
                metadata: [
                    "exit": "\(exit)", "stop": "\(stop.map { "\($0)" } ?? "none")",
                    "stderr": "\(String(decoding: tail.bytes, as: UTF8.self))",
                ])
        }
        return ending
    }

    /// Requests the end of the job process; the first reason counts.
    private func ask(_ reason: StopReason) { state.withLock { $0.asked = $0.asked ?? reason } }

    /// Waits, without polling the database, until the job's cancellation is requested or its lease is lost.
    private func watchForCancel() async {
        var revision = job.revision
        while !Task.isCancelled {
            let id = job.id
            do throws(JobsError) {
                let current = try await supervisor.store.perform { store throws(JobsError) in try store.find(id) }
                if current.lease?.token != lease.token { return ask(.leaseLost) }
                if current.cancelRequested { return ask(.cancelled) }
                if current.finishRequested { state.withLock { $0.finish.isAsked = true } }
                revision = current.revision
            } catch .notFound {
                return ask(.leaseLost)
            } catch {
                logger.error("the job cannot be read", metadata: ["error": "\(error)"])
            }
            await supervisor.store.waitForChange(of: id, since: revision, until: .now + .seconds(60))
        }
    }

    // MARK: Guarding

    /// Samples the job process until it has ended, then kills the rest of its process group.
    private func guardChild(_ child: ChildProcess, _ command: JobCommand) async -> StopReason? {
        let start = ContinuousClock.now
        var watchdog = Watchdog(
            memoryLimitBytes: command.memoryLimitBytes,
            deadline: command.deadlineSeconds.map { (start + .seconds(Double($0) - job.runningSeconds), $0) },
            settings: supervisor.settings, start: start)
        while true {
            let sample = child.sample()
            let (lines, asked, waits, isUsable, finishes) = state.withLock { state in
                state.usage.cpuSeconds = max(state.usage.cpuSeconds, sample.cpuSeconds)
                state.usage.peakMemoryBytes = max(state.usage.peakMemoryBytes, sample.peakBytes)
                // A process that has printed a line no longer ends by the signal.
                let finishes = state.finish.isAsked && !state.finish.isTold && state.lines > 0
                if finishes { state.finish.isTold = true }
                return (
                    state.lines, state.asked ?? (supervisor.isStopping ? .serverStopping : nil), state.waitsForRoom,
                    state.isUsable, finishes
                )
            }
            if sample.hasEnded {
                child.signalGroup(.kill)
                // Not `asked`: a reason that the watchdog has not acted on did not cause this end.
                return watchdog.stop
            }
            if finishes { child.askToFinish() }
            for action in watchdog.look(
                at: sample, lines: lines, waits: waits, isUsable: isUsable, asked: asked, now: .now)
            {
                switch action {
                case .terminate: child.signalGroup(.terminate)
                case .kill: child.signalGroup(.kill)
                case .renew: await renew()
                }
            }
            try? await Task.sleep(for: supervisor.settings.pollInterval)
        }
    }

    private func renew() async {
        let (lease, expiry) = (lease, supervisor.now() + supervisor.settings.leaseSeconds)
        // A full disk does not lose the lease: only this server can claim the job, and it knows that the attempt runs.
        _ = await underLease { store throws(JobsError) in try store.renew(lease, until: expiry) }
    }

    /// Writes to the job. A lost lease ends the job process; other errors are logged.
    ///
    /// - Returns: false when the disk is full
    private func underLease(
        _ write: @escaping @Sendable (SQLiteJobStore) throws(JobsError) -> Job
    ) async -> Bool {
        do throws(JobsError) {
            let job = try await supervisor.store.perform(first: true, write)
            if job.cancelRequested { ask(.cancelled) }
        } catch .diskFull {
            return false
        } catch .leaseLost {
            ask(.leaseLost)
        } catch {
            logger.error("a report of the worker cannot be written", metadata: ["error": "\(error)"])
        }
        return true
    }

    /// Writes a report and retries while the disk is full. Meanwhile no output is read, so that the job process waits
    /// once its pipe is full.
    private func write(_ report: JobReport) async {
        let lease = lease
        while true {
            let now = supervisor.now()
            let expiry = now + supervisor.settings.leaseSeconds
            let isWritten = await underLease { store throws(JobsError) in
                try store.report(report, under: lease, until: expiry, at: now)
            }
            let (wasWaiting, isAsked) = state.withLock { state in
                defer { state.waitsForRoom = !isWritten }
                return (state.waitsForRoom, state.asked != nil)
            }
            if isWritten || isAsked || supervisor.isStopping { return }
            if !wasWaiting { logger.error("the job waits: the disk is full") }
            try? await Task.sleep(for: Self.roomInterval)
        }
    }

    // MARK: Reading

    private func readErrors(_ child: ChildProcess) async -> Tail {
        var tail = Tail(limit: supervisor.settings.standardErrorBytes)
        do {
            for try await bytes in child.errors { tail.append(bytes) }
        } catch {
            logger.error("standard error of the worker cannot be read", metadata: ["error": "\(error)"])
        }
        return tail
    }

    /// Reads output; each read of the pipe becomes one transaction, during which the job process may wait.
    private func readLines(_ child: ChildProcess) async {
        var splitter = LineSplitter(limit: supervisor.settings.lineBytes)
        do {
            for try await bytes in child.output { await take(splitter.append(bytes)) }
        } catch {
            logger.error("standard output of the worker cannot be read", metadata: ["error": "\(error)"])
        }
        if let last = splitter.end() { await take([last]) }
    }

    private func take(_ lines: [LineSplitter.Line]) async {
        guard !lines.isEmpty else { return }
        let updates = lines.map { line in
            switch line {
            case .complete(let bytes): supervisor.interpret(job, bytes)
            case .tooLong:
                SupervisorUpdate(event: .warning("a line of output was too long"))
            }
        }
        let report = state.withLock { state in
            state.lines += lines.count
            var report = JobReport()
            for update in updates {
                if update.isCheckpoint { state.advanced = true }
                if update.isUsable { state.isUsable = true }
                state.result = update.result ?? state.result
                state.error = update.error ?? state.error
                report.phase = update.phase ?? report.phase
                report.progress = update.progress ?? report.progress
                guard let event = update.event else { continue }
                if state.eventsLeft > 0 {
                    state.eventsLeft -= 1
                    report.events.append(event)
                } else if !state.warned {
                    state.warned = true
                    report.events.append(.warning("too many events; later ones are dropped"))
                }
            }
            return report
        }
        if !report.isEmpty { await write(report) }
    }
}
