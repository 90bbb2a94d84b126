import GRDB

extension SQLiteJobStore {
    /// The warnings among a job's events, in their order.
    ///
    /// - Parameters:
    ///   - id: the job.
    ///   - limit: at most so many.
    /// - Returns: the first ones.
    /// - Throws: ``JobsError/notFound`` when there is no such job.
    package func warnings(of id: String, limit: Int) throws(JobsError) -> [JobEvent] {
        // By its name, because SQLite thinks as much of the primary key, which has all events of the job.
        try events(of: id, from: Self.warnings, limit: limit)
    }

    /// The figures of training among a job's events, in their order.
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
