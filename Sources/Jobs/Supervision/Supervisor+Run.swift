import FoundationEssentials
import Logging

/// Running one attempt, from its command to the record of its outcome.
extension Supervisor {
    func run(_ job: Job) async {
        guard let lease = job.lease else { return }
        var logger = logger
        logger[metadataKey: "job"] = "\(job.id)"
        logger[metadataKey: "attempt"] = "\(job.attempt)"
        let attempt = Attempt(job: job, lease: lease, supervisor: self, logger: logger)
        let ending: AttemptOutcome
        do {
            hold(lease)
            ending = await attempt.run(try command(job))
        } catch {
            logger.error("the job has no command", metadata: ["error": "\(error)"])
            ending = AttemptOutcome(
                stop: nil, exit: (error as? JobsError)?.isPassing == true ? .noResources : .notStarted, result: nil,
                error: nil)
        }
        noteStart(ending.exit != .noResources)
        await close(job, lease, ending, usage: attempt.usage, logger)
        letGo(lease)
    }

    /// Records the outcome of an attempt; repeats this while the disk is full or resources are exhausted.
    private func close(_ job: Job, _ lease: Lease, _ ending: AttemptOutcome, usage: JobUsage, _ logger: Logger) async {
        let verdict = ending.verdict(attempt: job.attempt, attempts: settings.attempts)
        let retrySeconds = ending.exit == .noResources ? settings.resourceSeconds : settings.retrySeconds
        let (now, due, publish) = (now, due, publish)
        while true {
            do throws(JobsError) {
                let job: Job? = try await store.perform(first: true) { store throws(JobsError) in
                    let time = now()
                    switch verdict {
                    case .finish(let outcome):
                        if case .succeeded = outcome {
                            // An attempt that has lost its lease must not overwrite the files of its successor.
                            guard try store.find(job.id).leaseToken == lease.token else { throw .leaseLost }
                            try publish(job)
                        }
                        return try store.finish(lease, outcome, usage: usage, at: time)
                    case .retry(let reason, let countsAttempt):
                        let next = countsAttempt ? "the job starts again" : "the job goes on from its last checkpoint"
                        let event = NewEvent.warning("\(reason); \(next)")
                        return try store.requeue(
                            lease, countsAttempt: countsAttempt, availableAt: due() + retrySeconds, because: event,
                            usage: usage,
                            at: time)
                    case .putBack:
                        return try store.requeue(lease, countsAttempt: false, availableAt: 0, usage: usage, at: time)
                    case .leave: return nil
                    }
                }
                if let job, job.status.isFinal { ended(job) }
                return
            } catch  where error.isPassing && !isStopping {
                logger.error("the end of the job cannot be written yet", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            } catch {
                // A job left `running` is put back when its lease expires or a server starts.
                logger.error("the end of the job cannot be written", metadata: ["error": "\(error)"])
                return
            }
        }
    }
}
