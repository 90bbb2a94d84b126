import GRDB

/// The events of a job, and waiting for changes.
extension SQLiteJobStore {
    /// The events of a job in order.
    ///
    /// - Parameters:
    ///   - id: the job's id
    ///   - after: the id of the newest event that the caller has; 0 for none
    ///   - limit: the maximum number of events
    /// - Returns: the events after that one, and whether there are more
    /// - Throws: ``JobsError/notFound`` when there is no such job
    package func events(of id: String, after: Int = 0, limit: Int) throws(JobsError) -> Page<JobEvent> {
        try read { database in
            _ = try Self.job(database, id: id)
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM events WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?",
                arguments: [id, after, limit + 1])
            return Page(elements: rows.prefix(limit).map(JobEvent.init(row:)), hasMore: rows.count > limit)
        }
    }

    /// Waits until the job's revision differs from `revision` or the job is deleted.
    ///
    /// It also returns at the deadline and when the task is cancelled; read the job to find out which.
    ///
    /// - Parameters:
    ///   - id: the job's id
    ///   - revision: the revision that the caller has
    ///   - deadline: the end of the wait
    ///   - isOver: whether to stop waiting; it must be true before ``wakeAll()`` is called
    package func waitForChange(
        of id: String, since revision: Int, until deadline: ContinuousClock.Instant,
        unless isOver: @Sendable () -> Bool = { false }
    ) async {
        let signal = hub.signal(for: .job(id))
        defer { hub.forget(signal, for: .job(id)) }
        // Checked after signing up: a caller that signs up too late for the wake-up sees it here.
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
