/// Decides when a job process must end and which signal to send. A pure value: samples and times in, actions out.
struct Watchdog {
    enum Action: Equatable {
        /// Send SIGTERM to the group.
        case terminate
        /// Send SIGKILL to the group.
        case kill
        /// Renew the lease, since there was progress.
        case renew
    }

    let memoryLimitBytes: Int?
    /// The deadline on the local clock, with the limit in seconds for the message.
    let deadline: (instant: ContinuousClock.Instant, seconds: Int)?
    let leaseSeconds: Int
    let killGrace: Duration
    let stopGrace: Duration
    let usableGrace: Duration

    private(set) var stop: StopReason?
    private var killAt: ContinuousClock.Instant?
    private var killed = false
    private var lastRenewal: ContinuousClock.Instant
    private var lastProgress: ContinuousClock.Instant
    private var cpuSeconds = 0.0
    private var lines = 0

    init(
        memoryLimitBytes: Int?, deadline: (instant: ContinuousClock.Instant, seconds: Int)?,
        settings: SupervisorSettings, start: ContinuousClock.Instant
    ) {
        (self.memoryLimitBytes, self.deadline) = (memoryLimitBytes, deadline)
        leaseSeconds = settings.leaseSeconds
        killGrace = settings.killGrace
        stopGrace = settings.stopGrace
        usableGrace = settings.usableGrace
        lastRenewal = start
        lastProgress = start
    }

    /// Decides on one sample of the process.
    ///
    /// - Parameters:
    ///   - sample: the sample
    ///   - lines: the number of output lines so far
    ///   - waits: whether the server holds the process back
    ///   - isUsable: whether the process can end with a result, for which a deadline waits
    ///   - asked: a reason from outside to end the process
    ///   - now: the current time
    /// - Returns: the actions in order
    mutating func look(
        at sample: ProcessSample, lines: Int, waits: Bool = false, isUsable: Bool = false, asked: StopReason?,
        now: ContinuousClock.Instant
    ) -> [Action] {
        if sample.cpuSeconds > cpuSeconds || lines > self.lines || waits { lastProgress = now }
        cpuSeconds = sample.cpuSeconds
        self.lines = lines
        if stop == nil || stop == .serverStopping, let reason = reason(sample, isUsable, asked, now), reason != stop {
            stop = reason
            let last = now + grace(reason)
            killAt = min(killAt ?? last, last)
            // Otherwise SIGKILL: a process cannot free memory on request, and one without a lease must not write.
            if grace(reason) > .zero { return [.terminate] }
        }
        if let killAt, now >= killAt {
            defer { killed = true }
            return killed ? [] : [.kill]
        }
        // Renewed after a third of the lease, which leaves two more chances before it ends.
        let due = lastRenewal + .seconds(leaseSeconds) / 3
        guard now >= due, lastProgress > lastRenewal else { return [] }
        lastRenewal = now
        return [.renew]
    }

    private func reason(
        _ sample: ProcessSample, _ isUsable: Bool, _ asked: StopReason?, _ now: ContinuousClock.Instant
    ) -> StopReason? {
        if let memoryLimitBytes, sample.anonymousBytes > memoryLimitBytes {
            return .memory(limitBytes: memoryLimitBytes, usedBytes: sample.anonymousBytes)
        }
        if let asked, asked != stop { return asked }
        if let deadline, now >= deadline.instant + (isUsable ? usableGrace : .zero) {
            return .deadline(seconds: deadline.seconds)
        }
        if now - lastProgress >= .seconds(leaseSeconds) { return .stalled(seconds: leaseSeconds) }
        return nil
    }

    private func grace(_ reason: StopReason) -> Duration {
        switch reason {
        case .memory, .leaseLost: .zero
        case .serverStopping: stopGrace
        case .cancelled, .deadline, .stalled: killGrace
        }
    }
}
