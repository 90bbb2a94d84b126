import GRDB

/// The history of a job, and waiting for more of it.
extension SQLiteJobStore {
    /// Events in their order.
    ///
    /// - Parameters:
    ///   - id: the job.
    ///   - after: the newest event that the caller knows; 0 for none.
    ///   - limit: at most so many.
    /// - Returns: the events after that one, and whether there are more.
    /// - Throws: ``JobsError/notFound`` when there is no such job.
    package func events(of id: String, after: Int = 0, limit: Int) throws(JobsError) -> Page<JobEvent> {
        try read { database in
            _ = try Self.job(database, id: id)
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM events WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?",
                arguments: [id, after, limit + 1])
            return Page(elements: rows.prefix(limit).map(JobEvent.init(row:)), hasMore: rows.count > limit)
        }
    }

    /// Adds events to a job that no worker holds, such as remarks on its files.
    @discardableResult
    package func appendEvents(_ events: [NewEvent], to id: String, at now: UnixSeconds) throws(JobsError) -> Job {
        try change { database in
            try Self.append(database, events, to: id, at: now)
            return try Self.job(database, id: id)
        }
    }

    /// Returns as soon as the job's revision is another one than `revision`, or the job is gone.
    ///
    /// Returns at the deadline, or when the task is cancelled, at the latest; look at the job to learn which it was.
    ///
    /// - Parameters:
    ///   - id: the job
    ///   - revision: what the caller knows
    ///   - deadline: how long to wait
    ///   - isOver: whether there is no more to wait for, which ``wakeAll()`` makes everybody look at
    package func waitForChange(
        of id: String, since revision: Int, until deadline: ContinuousClock.Instant,
        unless isOver: @Sendable () -> Bool = { false }
    ) async {
        let signal = hub.signal(for: .job(id))
        defer { hub.forget(signal, for: .job(id)) }
        // After signing up, so that whoever is too late to be woken sees it.
        if isOver() { return }
        let job = try? await perform { store throws(JobsError) in try store.find(id) }
        guard job?.revision == revision else { return }
        await signal.wait(until: deadline)
    }
}

extension JobEvent {
    init(row: Row) {
        self.init(
            id: row["id"], createdAt: row["created_at"], level: row["level"], type: row["type"],
            message: row["message"], data: row["data"])
    }
}
