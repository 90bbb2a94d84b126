import GRDB

extension SQLiteJobStore {
    /// Events of one type in their order.
    ///
    /// - Parameters:
    ///   - id: the job.
    ///   - type: such as `warning` or `metrics`.
    ///   - limit: at most so many.
    /// - Returns: the first ones.
    /// - Throws: ``JobsError/notFound`` when there is no such job.
    package func events(of id: String, type: String, limit: Int) throws(JobsError) -> [JobEvent] {
        try read { database in
            _ = try Self.job(database, id: id)
            return try Row.fetchAll(
                database, sql: "SELECT * FROM events WHERE job_id = ? AND type = ? ORDER BY id LIMIT ?",
                arguments: [id, type, limit]
            ).map(JobEvent.init(row:))
        }
    }
}
