import Dispatch
import GRDB

/// Jobs, their events and the rows of stored files in one SQLite file. A class because it owns the connection and the lock.
///
/// There is exactly one connection in exactly one process: SQLite before 3.44.6 can corrupt a write-ahead log that two
/// connections write or checkpoint at once (sqlite.org/wal.html#walresetbug). A lock file keeps a second process out.
///
/// The methods block until the disk has synced what they wrote. Call them from a thread that may block, or through
/// ``perform(_:)``. Time is always an argument.
package final class SQLiteJobStore: Sendable {
    private let connection: DatabaseQueue
    private let lock: LockFile
    private let queue = DispatchQueue(label: "jobs.store")
    let hub = ChangeHub()

    /// Opens the database, creates or migrates its tables, and checks that commits will survive a power cut.
    ///
    /// - Parameter path: the database file; `path.lock` beside it is the lock.
    /// - Throws: ``JobsError/inUse(processID:)`` when another process has it open.
    package init(path: String) throws(JobsError) {
        lock = try LockFile(path: path + ".lock")
        do {
            var configuration = Configuration()
            // Not GRDB's own WAL mode: it sets `synchronous=NORMAL`, which loses acknowledged commits on a power cut.
            configuration.prepareDatabase {
                try $0.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            connection = try DatabaseQueue(path: path, configuration: configuration)
            try Migrations.migrator.migrate(connection)
        } catch {
            throw JobsError(database: error)
        }
        try requireSetting("journal_mode", "wal")
        try requireSetting("synchronous", "2")
        try requireSetting("foreign_keys", "1")
    }

    private func requireSetting(_ name: String, _ expected: String) throws(JobsError) {
        let found = try read { try String.fetchOne($0, sql: "PRAGMA \(name)") } ?? "unknown"
        guard found == expected else { throw .notDurable(setting: name, expected: expected, found: found) }
    }

    /// Runs blocking work on the store's own queue, for callers on Swift's cooperative threads.
    package func perform<Value: Sendable>(
        _ work: @escaping @Sendable (SQLiteJobStore) throws(JobsError) -> Value
    ) async throws(JobsError) -> Value {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, JobsError>, Never>) in
            queue.async {
                continuation.resume(returning: Result { () throws(JobsError) in try work(self) })
            }
        }.get()
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(JobsError) -> Value {
        do { return try connection.read(body) } catch { throw JobsError(database: error) }
    }

    /// One transaction: all of the body or nothing.
    func write<Value>(_ body: (Database) throws -> Value) throws(JobsError) -> Value {
        do { return try connection.write(body) } catch { throw JobsError(database: error) }
    }

    /// One transaction that changes one job, and then tells those who wait for it.
    func change(_ body: (Database) throws -> Job) throws(JobsError) -> Job {
        let job = try write(body)
        announce(job)
        return job
    }

    func announce(_ job: Job) {
        hub.announce(.job(job.id))
        if job.status == .queued { hub.announce(.queue) }
    }
}

extension JobsError {
    /// What went wrong inside a transaction. SQLite's message names tables and constraints, and no values.
    init(database error: any Error) {
        switch error {
        case let error as JobsError: self = error
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL: self = .diskFull
        case let error as DatabaseError:
            self = .database(code: Int(error.extendedResultCode.rawValue), message: error.message ?? "")
        default: self = .database(code: Int(ResultCode.SQLITE_ERROR.rawValue), message: "\(type(of: error))")
        }
    }
}
