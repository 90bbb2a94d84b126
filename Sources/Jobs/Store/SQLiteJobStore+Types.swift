import GRDB

extension SQLiteJobStore {
    /// The warnings among a job's events, oldest first.
    ///
    /// - Parameters:
    ///   - id: the job's id
    ///   - limit: the maximum number of warnings
    /// - Returns: the first warnings
    /// - Throws: ``JobsError/notFound`` when there is no such job
    package func warnings(of id: String, limit: Int) throws(JobsError) -> [JobEvent] {
        // Names the index, because SQLite may choose the primary key, which has all events of the job.
        try events(of: id, from: Self.warnings, limit: limit)
    }

    /// The training metrics among a job's events, oldest first.
    package func metrics(of id: String, limit: Int) throws(JobsError) -> [JobEvent] {
        try events(of: id, from: "events WHERE type = 'metrics'", limit: limit)
    }

    static let warnings = "events INDEXED BY events_warnings WHERE type = 'warning'"

    private func events(of id: String, from source: String, limit: Int) throws(JobsError) -> [JobEvent] {
        try read { database in
            _ = try Self.job(database, id: id)
            let events = try database.cachedStatement(
                sql: "SELECT * FROM \(source) AND job_id = ? ORDER BY id LIMIT ?")
            return try Row.fetchAll(events, arguments: [id, limit]).map(JobEvent.init(row:))
        }
    }
}
