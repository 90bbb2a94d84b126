import Dispatch
import GRDB
import Glibc
import Synchronization
import SystemCalls

/// The store of jobs, events and stored-file rows in one SQLite file. A class because it owns the connection and lock.
///
/// There is one connection in one process: SQLite before 3.44.6 can corrupt a write-ahead log that two connections
/// write or checkpoint at once (sqlite.org/wal.html#walresetbug). A lock file keeps a second process out.
///
/// The methods block until their writes are synced to disk. Call them from a thread that may block, or through
/// ``perform(first:_:)``. Time is always an argument.
package final class SQLiteJobStore: Sendable {
    private let connection: DatabaseQueue
    private let lock: LockFile
    private let queue = DispatchQueue(label: "jobs.store")
    private let line = Mutex(Line())
    private let feeds = Mutex<[String: Weak]>([:])
    let hub = ChangeHub()

    /// The work that waits for the queue.
    private struct Line {
        typealias Work = @Sendable () -> Void

        var first: [Work] = []
        var others: [Work] = []

        mutating func next() -> Work? {
            if !first.isEmpty { return first.removeFirst() }
            return others.isEmpty ? nil : others.removeFirst()
        }
    }

    private struct Weak {
        weak var feed: JobFeed?
    }

    /// Opens the database, creates or migrates its tables, and checks that commits survive a power cut.
    ///
    /// - Parameter path: the database file; `path.lock` beside it is the lock
    /// - Throws: ``JobsError/inUse(processID:)`` when another process has it open
    package init(path: String) throws(JobsError) {
        lock = try LockFile(path: path + ".lock")
        do {
            var configuration = Configuration()
            // Not GRDB's WAL mode: it sets `synchronous=NORMAL`, which loses acknowledged commits on a power cut.
            configuration.prepareDatabase {
                // Temporary tables stay in memory, so that a transaction never needs another descriptor.
                try $0.execute(
                    sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY")
            }
            connection = try DatabaseQueue(path: path, configuration: configuration)
            try connection.read(Self.check)
            try Migrations.migrator.migrate(connection)
        } catch {
            throw JobsError(database: error)
        }
        try requireSetting("journal_mode", "wal")
        try requireSetting("synchronous", "2")
        try requireSetting("foreign_keys", "1")
    }

    /// Checks the whole database for damage, so that no decision is based on damaged rows.
    ///
    /// - Throws: ``JobsError/damaged(_:)``
    /// - SeeAlso: sqlite.org/pragma.html#pragma_quick_check: it does not compare indexes with tables. `jobs` gets the
    ///   full check, because the comparison with the disk finds jobs by an index.
    private static func check(_ database: Database) throws {
        var checks = ["PRAGMA quick_check(1)"]
        if try database.tableExists("jobs") {
            checks.append("PRAGMA integrity_check('jobs')")
        }
        for check in checks {
            let answer = try String.fetchOne(database, sql: check) ?? "no answer"
            guard answer == "ok" else { throw JobsError.damaged(answer) }
        }
    }

    private func requireSetting(_ name: String, _ expected: String) throws(JobsError) {
        let found = try read { try String.fetchOne($0, sql: "PRAGMA \(name)") } ?? "unknown"
        guard found == expected else { throw .notDurable(setting: name, expected: expected, found: found) }
    }

    /// Runs blocking work on the store's queue, for callers on Swift's cooperative threads.
    ///
    /// - Parameters:
    ///   - first: whether the work overtakes other waiting work: a report delays its job, a reader does not
    ///   - work: the work
    /// - Returns: the result of the work
    /// - Throws: the error of the work
    package func perform<Value: Sendable>(
        first: Bool = false, _ work: @escaping @Sendable (SQLiteJobStore) throws(JobsError) -> Value
    ) async throws(JobsError) -> Value {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, JobsError>, Never>) in
            let item: Line.Work = {
                continuation.resume(returning: Result { () throws(JobsError) in try work(self) })
            }
            line.withLock { if first { $0.first.append(item) } else { $0.others.append(item) } }
            queue.async { self.line.withLock { $0.next() }?() }
        }.get()
    }

    /// The shared feed of a job's changes.
    package func feed(of id: String) -> JobFeed {
        feeds.withLock { feeds in
            if let feed = feeds[id]?.feed { return feed }
            let feed = JobFeed(of: id, in: self)
            feeds = feeds.filter { $0.value.feed != nil }
            feeds[id] = Weak(feed: feed)
            return feed
        }
    }

    /// Ends all current waits, because the server is stopping.
    package func wakeAll() {
        hub.announceAll()
        for feed in feeds.withLock({ $0.values.compactMap(\.feed) }) { feed.wakeAll() }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(JobsError) -> Value {
        do { return try connection.read(body) } catch { throw JobsError(database: error) }
    }

    /// Runs the body in one transaction.
    func write<Value>(_ body: (Database) throws -> Value) throws(JobsError) -> Value {
        do { return try connection.write(body) } catch { throw JobsError(database: error) }
    }

    /// Changes one job in one transaction and then wakes its waiters.
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
    /// Converts an error of a transaction. SQLite's messages name tables and constraints, but no values.
    init(database error: any Error) {
        switch error {
        case let error as JobsError: self = error
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL: self = .diskFull
        // An exhausted resource: the same may succeed later.
        case let error as DatabaseError where error.resultCode == .SQLITE_NOMEM:
            self = .system(SystemError(call: "sqlite", code: ENOMEM))
        case let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB:
            self = .damaged(error.message ?? "SQLite cannot read it")
        case let error as DatabaseError:
            self = .database(code: Int(error.extendedResultCode.rawValue), message: error.message ?? "")
        default: self = .database(code: Int(ResultCode.SQLITE_ERROR.rawValue), message: "\(type(of: error))")
        }
    }
}
