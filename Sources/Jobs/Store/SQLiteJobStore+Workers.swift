import FoundationEssentials
import GRDB

/// The operations of the supervisor on jobs. Each update names the lease's job, attempt and token.
extension SQLiteJobStore {
    /// Claims the oldest job that is due, after running jobs whose leases have expired are put back into the queue.
    ///
    /// - Parameters:
    ///   - now: the current time of day
    ///   - due: the current time of a clock that never steps, by which retries are due; nil to use `now`
    ///   - expiry: the time at which the lease ends unless it is renewed
    ///   - held: tokens of leases whose attempts are running, so that a step of the clock does not take their jobs away
    /// - Returns: the job with its lease; nil when none is due
    /// - Throws: ``JobsError`` when the database fails
    package func claim(
        at now: UnixSeconds, due: UnixSeconds? = nil, leaseUntil expiry: UnixSeconds, held: Set<String> = []
    ) throws(JobsError) -> Job? {
        let (released, claimed): ([Job], Job?) = try write { database in
            let expired = try Row.fetchAll(
                database, sql: "SELECT * FROM jobs WHERE status = 'running' AND lease_expires_at <= ?", arguments: [now]
            ).map { try Job(row: $0) }
            let released = try expired.filter { !held.contains($0.leaseToken ?? "") }
                .map { try Self.release(database, $0, at: now) }
            let id = try String.fetchOne(
                database,
                sql: "SELECT id FROM jobs WHERE status = 'queued' AND available_at <= ? ORDER BY sequence LIMIT 1",
                arguments: [due ?? now])
            guard let id else { return (released, nil) }
            try database.execute(
                sql: """
                    UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_token = ?, lease_expires_at = ?,
                        started_at = COALESCE(started_at, ?)
                    WHERE id = ?
                    """,
                arguments: [Identifier.token(), expiry, now, id])
            try Self.append(database, [.status(.running, "running")], to: id, at: now)
            return (released, try Self.job(database, id: id))
        }
        for job in released { announce(job) }
        if let claimed { announce(claimed) }
        return claimed
    }

    /// Extends the lease of an attempt that makes progress.
    ///
    /// - Returns: the job with the new lease; check its ``Job/cancelRequested``
    /// - Throws: ``JobsError/leaseLost``, after which the attempt must stop
    @discardableResult
    package func renew(_ lease: Lease, until expiry: UnixSeconds) throws(JobsError) -> Job {
        try write { database in
            try Self.update(database, under: lease, set: "lease_expires_at = ?", [expiry])
            return try Self.job(database, under: lease)
        }
    }

    /// Writes a report of an attempt and extends its lease to `expiry`, if given.
    ///
    /// - Throws: ``JobsError/leaseLost``, after which the attempt must stop
    @discardableResult
    package func report(
        _ report: JobReport, under lease: Lease, until expiry: UnixSeconds? = nil, at now: UnixSeconds
    ) throws(JobsError) -> Job {
        try change { database in
            try Self.update(
                database, under: lease,
                set: """
                    phase = COALESCE(?, phase), progress = COALESCE(?, progress),
                    lease_expires_at = COALESCE(?, lease_expires_at)
                    """, [report.phase, report.progress, expiry])
            try Self.append(database, report.events, to: lease.jobID, at: now)
            return try Self.job(database, under: lease)
        }
    }

    /// Ends a job. If its cancellation was requested, it ends as cancelled, whatever the outcome.
    ///
    /// - Throws: ``JobsError/leaseLost`` when the lease no longer holds
    @discardableResult
    package func finish(
        _ lease: Lease, _ outcome: JobOutcome, usage: JobUsage = JobUsage(), at now: UnixSeconds
    ) throws(JobsError) -> Job {
        try change { database in
            let job = try Self.job(database, under: lease)
            try Self.record(database, usage, under: lease)
            return try Self.end(database, job, job.cancelRequested ? .cancelled : outcome, at: now)
        }
    }

    /// Puts a job back into the queue, or cancels it if that was requested.
    ///
    /// - Parameters:
    ///   - lease: the lease of the attempt
    ///   - countsAttempt: whether the attempt counts; one that the server ended does not
    ///   - availableAt: the time before which the job is not claimed
    ///   - event: an event that states the reason
    ///   - usage: the resources used by the attempt
    ///   - now: the current time of day
    /// - Returns: the job, queued or cancelled
    /// - Throws: ``JobsError/leaseLost`` when the lease no longer holds
    @discardableResult
    package func requeue(
        _ lease: Lease, countsAttempt: Bool, availableAt: UnixSeconds, because event: NewEvent? = nil,
        usage: JobUsage = JobUsage(), at now: UnixSeconds
    ) throws(JobsError) -> Job {
        try change { database in
            let job = try Self.job(database, under: lease)
            try Self.record(database, usage, under: lease)
            if job.cancelRequested { return try Self.end(database, job, .cancelled, at: now) }
            try Self.append(database, event.map { [$0] } ?? [], to: job.id, at: now)
            return try Self.putBack(database, job, countsAttempt: countsAttempt, availableAt: availableAt, at: now)
        }
    }

    /// Puts all running jobs back into the queue when the server starts: their processes ended with the last server.
    ///
    /// - Returns: the jobs, now queued or cancelled
    @discardableResult
    package func requeueInterrupted(at now: UnixSeconds) throws(JobsError) -> [Job] {
        let jobs = try write { database in
            // A restart ends all waits: the clock by which they are due may have been reset.
            try database.execute(sql: "UPDATE jobs SET available_at = 0 WHERE status = 'queued'")
            return try Row.fetchAll(database, sql: "SELECT * FROM jobs WHERE status = 'running' ORDER BY sequence")
                .map { try Self.release(database, Job(row: $0), at: now) }
        }
        for job in jobs { announce(job) }
        return jobs
    }

    /// The time at which the next queued job may be claimed; nil without one.
    package func nextAvailable() throws(JobsError) -> UnixSeconds? {
        try read { try Int.fetchOne($0, sql: "SELECT MIN(available_at) FROM jobs WHERE status = 'queued'") }
    }

    /// Puts the job of an interrupted attempt back into the queue without counting the attempt, or cancels it.
    private static func release(_ database: Database, _ job: Job, at now: UnixSeconds) throws -> Job {
        if job.cancelRequested { return try end(database, job, .cancelled, at: now) }
        try append(
            database, [.warning("the worker was interrupted; the job starts again")], to: job.id, at: now)
        return try putBack(database, job, countsAttempt: false, availableAt: 0, at: now)
    }

    private static func putBack(
        _ database: Database, _ job: Job, countsAttempt: Bool, availableAt: UnixSeconds, at now: UnixSeconds
    ) throws -> Job {
        try database.execute(
            sql: """
                UPDATE jobs SET status = 'queued', lease_token = NULL, lease_expires_at = NULL, attempt = attempt - ?,
                    available_at = ?
                WHERE id = ?
                """,
            arguments: [countsAttempt ? 0 : 1, availableAt, job.id])
        try append(database, [.status(.queued, "queued")], to: job.id, at: now)
        return try Self.job(database, id: job.id)
    }

    private static func record(_ database: Database, _ usage: JobUsage, under lease: Lease) throws {
        try update(
            database, under: lease,
            set: """
                cpu_seconds = cpu_seconds + ?, running_seconds = running_seconds + ?,
                peak_memory_bytes = MAX(peak_memory_bytes, ?)
                """, [usage.cpuSeconds, usage.runningSeconds, usage.peakMemoryBytes])
    }

    /// Ends a job; the only function that sets a final status.
    static func end(_ database: Database, _ job: Job, _ outcome: JobOutcome, at now: UnixSeconds) throws -> Job {
        let (status, result, error): (JobStatus, Data?, Data?) =
            switch outcome {
            case .succeeded(let result): (.succeeded, result, nil)
            case .failed(let error): (.failed, nil, error)
            case .cancelled: (.cancelled, nil, nil)
            }
        guard job.status.successors.contains(status) else {
            throw JobsError.invalidTransition(from: job.status, to: status)
        }
        try database.execute(
            sql: """
                UPDATE jobs SET status = ?, result = ?, error = ?, finished_at = ?, lease_token = NULL,
                    lease_expires_at = NULL
                WHERE id = ?
                """,
            arguments: [status.rawValue, result, error, now, job.id])
        var events = [NewEvent.status(status, status.rawValue), .done(status)]
        if let error { events.insert(NewEvent(level: "error", type: "error", message: "failed", data: error), at: 0) }
        try append(database, events, to: job.id, at: now)
        return try Self.job(database, id: job.id)
    }
}
