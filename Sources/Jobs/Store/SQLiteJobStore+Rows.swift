import FoundationEssentials
import GRDB

/// Conversions between rows and values, and statements that the other files share.
extension SQLiteJobStore {
    static func job(_ database: Database, id: String) throws -> Job {
        let row = try Row.fetchOne(database, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id])
        guard let row else { throw JobsError.notFound }
        return try Job(row: row)
    }

    /// The job of a lease that still holds.
    static func job(_ database: Database, under lease: Lease) throws -> Job {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM jobs WHERE id = ? AND attempt = ? AND lease_token = ?",
            arguments: [lease.jobID, lease.attempt, lease.token])
        guard let row else { throw JobsError.leaseLost }
        return try Job(row: row)
    }

    /// Updates a job under its lease, or throws without a change; `assignments` has one `column = ?` per value.
    static func update(
        _ database: Database, under lease: Lease, set assignments: String, _ values: [(any DatabaseValueConvertible)?]
    ) throws {
        try database.execute(
            sql: """
                UPDATE jobs SET \(assignments), revision = revision + 1
                WHERE id = ? AND attempt = ? AND lease_token = ?
                """,
            arguments: StatementArguments(values + [lease.jobID, lease.attempt, lease.token]))
        guard database.changesCount == 1 else { throw JobsError.leaseLost }
    }

    /// Appends events with the next ids, as one change of the job.
    static func append(_ database: Database, _ events: [NewEvent], to id: String, at now: UnixSeconds) throws {
        guard !events.isEmpty else { return }
        let newest = try Int.fetchOne(
            database,
            sql: """
                UPDATE jobs SET last_event_id = last_event_id + ?, revision = revision + 1 WHERE id = ?
                RETURNING last_event_id
                """,
            arguments: [events.count, id])
        guard let newest else { throw JobsError.notFound }
        let insert = try database.cachedStatement(
            sql: "INSERT INTO events (job_id, id, created_at, level, type, message, data) VALUES (?, ?, ?, ?, ?, ?, ?)")
        for (offset, event) in events.enumerated() {
            try insert.execute(arguments: [
                id, newest - events.count + 1 + offset, now, event.level, event.type, event.message, event.data,
            ])
        }
    }
}

extension NewEvent {
    /// The event for a change of status.
    static func status(_ status: JobStatus, _ message: String) -> NewEvent {
        NewEvent(type: "status", message: message, data: Data(#"{"status":"\#(status.rawValue)"}"#.utf8))
    }

    /// A warning of the server to the client.
    static func warning(_ message: String) -> NewEvent { NewEvent(level: "warning", type: "warning", message: message) }

    /// The last event of a job.
    static func done(_ status: JobStatus) -> NewEvent {
        NewEvent(type: "done", message: status.rawValue, data: Data(#"{"status":"\#(status.rawValue)"}"#.utf8))
    }
}

extension Job {
    init(row: Row) throws {
        guard let status = JobStatus(rawValue: row["status"]) else {
            throw JobsError.damaged("a job has an unknown status")
        }
        let id: String = row["id"]
        let attempt: Int = row["attempt"]
        var lease: Lease?
        if let token: String = row["lease_token"], let expiresAt: Int = row["lease_expires_at"] {
            lease = Lease(jobID: id, attempt: attempt, token: token, expiresAt: expiresAt)
        }
        var idempotency: Idempotency?
        if let clientID: String = row["client_id"], let bodyDigest: String = row["body_digest"] {
            idempotency = Idempotency(clientID: clientID, bodyDigest: bodyDigest)
        }
        self.init(
            id: id, status: status, phase: row["phase"], payload: row["payload"], metadata: row["metadata"],
            result: row["result"], error: row["error"], progress: row["progress"], attempt: attempt, lease: lease,
            createdAt: row["created_at"], startedAt: row["started_at"], finishedAt: row["finished_at"],
            idempotency: idempotency, cancelRequested: row["cancel_requested"],
            finishRequested: row["finish_requested"], cpuSeconds: row["cpu_seconds"],
            runningSeconds: row["running_seconds"], peakMemoryBytes: row["peak_memory_bytes"],
            revision: row["revision"], lastEventID: row["last_event_id"])
    }
}
