import FoundationEssentials
import GRDB

/// The operations of clients on jobs: add, find, list, cancel, delete.
extension SQLiteJobStore {
    /// Adds a job unless its client id is already in use.
    ///
    /// - Throws: ``JobsError/idempotencyConflict`` when the client id is in use for another body
    package func add(_ new: NewJob, at now: UnixSeconds) throws(JobsError) -> AddedJob {
        let added: AddedJob = try write { database in
            if let idempotency = new.idempotency, let existing = try Self.job(database, clientID: idempotency.clientID)
            {
                guard existing.idempotency == idempotency else { throw JobsError.idempotencyConflict }
                return .existing(existing)
            }
            let status = JobStatus.queued
            try database.execute(
                sql: """
                    INSERT INTO jobs (id, client_id, body_digest, status, payload, metadata, available_at, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, 0, ?)
                    """,
                arguments: [
                    new.id, new.idempotency?.clientID, new.idempotency?.bodyDigest, status.rawValue, new.payload,
                    new.metadata, now,
                ])
            try Self.append(database, [.status(status, status.rawValue)], to: new.id, at: now)
            return .added(try Self.job(database, id: new.id))
        }
        if case .added(let job) = added { announce(job) }
        return added
    }

    package func find(_ id: String) throws(JobsError) -> Job { try read { try Self.job($0, id: id) } }

    /// The job with a client id, if there is one.
    package func find(clientID: String) throws(JobsError) -> Job? { try read { try Self.job($0, clientID: clientID) } }

    private static func job(_ database: Database, clientID: String) throws -> Job? {
        let row = try Row.fetchOne(database, sql: "SELECT * FROM jobs WHERE client_id = ?", arguments: [clientID])
        return try row.map(Job.init(row:))
    }

    /// Lists jobs, newest first.
    ///
    /// - Parameters:
    ///   - limit: the maximum number of jobs
    ///   - after: the id of the last job of the previous page
    ///   - status: the status of the jobs; nil for all
    ///   - metadata: labels that the jobs must have, all of them
    /// - Returns: the page, and whether older jobs follow
    /// - Throws: ``JobsError/notFound`` when `after` is not a job
    package func list(
        limit: Int, after: String? = nil, status: JobStatus? = nil, metadata: [String: String] = [:]
    ) throws(JobsError) -> Page<Job> {
        try read { database in
            var conditions = ["TRUE"]
            var arguments: [(any DatabaseValueConvertible)?] = []
            if let after {
                let sequence = try Int.fetchOne(
                    database, sql: "SELECT sequence FROM jobs WHERE id = ?", arguments: [after])
                guard let sequence else { throw JobsError.notFound }
                conditions.append("sequence < ?")
                arguments.append(sequence)
            }
            if let status {
                conditions.append("status = ?")
                arguments.append(status.rawValue)
            }
            for (key, value) in metadata {
                conditions.append(
                    "EXISTS (SELECT 1 FROM json_each(CAST(metadata AS TEXT)) AS label WHERE label.key = ? AND label.value = ?)"
                )
                arguments += [key, value]
            }
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT * FROM jobs WHERE \(conditions.joined(separator: " AND ")) ORDER BY sequence DESC LIMIT ?",
                arguments: StatementArguments(arguments + [limit + 1]))
            return Page(elements: try rows.prefix(limit).map(Job.init(row:)), hasMore: rows.count > limit)
        }
    }

    /// Cancels a waiting job at once and requests the cancellation of a running one.
    ///
    /// - Throws: ``JobsError/notCancellable(_:)`` when the job has ended
    @discardableResult
    package func requestCancel(_ id: String, at now: UnixSeconds) throws(JobsError) -> Job {
        try change { database in
            let job = try Self.job(database, id: id)
            switch job.status {
            case .queued:
                return try Self.end(database, job, .cancelled, at: now)
            case .running:
                try database.execute(
                    sql: "UPDATE jobs SET cancel_requested = TRUE, revision = revision + 1 WHERE id = ?",
                    arguments: [id])
                return try Self.job(database, id: id)
            case .succeeded, .failed, .cancelled:
                throw JobsError.notCancellable(job.status)
            }
        }
    }

    /// Asks a running job to finish with the best that it has; does nothing when it was asked before.
    ///
    /// - Throws: ``JobsError/notFinishable(_:)`` when the job does not run
    @discardableResult
    package func requestFinish(_ id: String, at now: UnixSeconds) throws(JobsError) -> Job {
        try change { database in
            let job = try Self.job(database, id: id)
            guard job.status == .running else { throw JobsError.notFinishable(job.status) }
            guard !job.finishRequested else { return job }
            try database.execute(sql: "UPDATE jobs SET finish_requested = TRUE WHERE id = ?", arguments: [id])
            let event = NewEvent(type: "log", message: "asked to finish with the best point so far")
            try Self.append(database, [event], to: id, at: now)
            return try Self.job(database, id: id)
        }
    }

    /// Deletes a job that has ended, with its events.
    ///
    /// - Throws: ``JobsError/notFinished(_:)`` when the job has not ended
    package func delete(_ id: String) throws(JobsError) {
        try write { database in
            let job = try Self.job(database, id: id)
            guard job.status.isFinal else { throw JobsError.notFinished(job.status) }
            try database.execute(sql: "DELETE FROM jobs WHERE id = ?", arguments: [id])
        }
        hub.announce(.job(id))
    }

    /// The position of a job in the queue, from 1; nil unless it is queued.
    package func queuePosition(_ id: String) throws(JobsError) -> Int? {
        try read { database in
            guard try Self.job(database, id: id).status == .queued else { return nil }
            return try Int.fetchOne(
                database,
                sql: """
                    SELECT COUNT(*) FROM jobs
                    WHERE status = 'queued' AND sequence <= (SELECT sequence FROM jobs WHERE id = ?)
                    """,
                arguments: [id])
        }
    }

    /// The status of every job by id, for the comparison with the disk when the server starts.
    package func allStatuses() throws(JobsError) -> [String: JobStatus] {
        try read { database in
            var statuses: [String: JobStatus] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT id, status FROM jobs") {
                guard let status = JobStatus(rawValue: row["status"]) else {
                    throw JobsError.damaged("a job has an unknown status")
                }
                statuses[row["id"]] = status
            }
            return statuses
        }
    }

    /// The ids of the jobs that ended before a moment, oldest first.
    package func ended(before moment: UnixSeconds) throws(JobsError) -> [String] {
        try read {
            try String.fetchAll(
                $0, sql: "SELECT id FROM jobs WHERE finished_at < ? ORDER BY sequence", arguments: [moment])
        }
    }

    /// The number of jobs in each status, including those with 0.
    package func counts() throws(JobsError) -> [JobStatus: Int] {
        try read { database in
            var counts = Dictionary(uniqueKeysWithValues: JobStatus.allCases.map { ($0, 0) })
            for row in try Row.fetchAll(database, sql: "SELECT status, COUNT(*) AS jobs FROM jobs GROUP BY status") {
                if let status = JobStatus(rawValue: row["status"]) { counts[status] = row["jobs"] }
            }
            return counts
        }
    }
}
