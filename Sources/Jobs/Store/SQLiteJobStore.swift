import Dispatch
import GRDB
import Glibc
import Synchronization

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
    private let line = Mutex(Line())
    private let feeds = Mutex<[String: Weak]>([:])
    let hub = ChangeHub()

    /// Work that waits for the queue.
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
                // Without files beside the database, no descriptor is wanted in the middle of a transaction.
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

    /// Reads the whole database once, so that no decision is made on what is not what was written.
    ///
    /// - Throws: ``JobsError/damaged(_:)``
    /// - SeeAlso: sqlite.org/pragma.html#pragma_quick_check: it leaves out whether indexes and tables agree, and the
    ///   comparison with the disk finds jobs by an index.
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

    /// Runs blocking work on the store's own queue, for callers on Swift's cooperative threads.
    ///
    /// - Parameters:
    ///   - first: whether it goes before what waits already: a worker's report holds up its job, a reader's look does not
    ///   - work: what to do
    /// - Returns: what the work returned
    /// - Throws: what it threw
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

    /// What happens to a job, read once for everybody who follows it.
    package func feed(of id: String) -> JobFeed {
        feeds.withLock { feeds in
            if let feed = feeds[id]?.feed { return feed }
            let feed = JobFeed(of: id, in: self)
            feeds = feeds.filter { $0.value.feed != nil }
            feeds[id] = Weak(feed: feed)
            return feed
        }
    }

    /// Ends every wait that is under way: the server is about to stop.
    package func wakeAll() {
        hub.announceAll()
        for feed in feeds.withLock({ $0.values.compactMap(\.feed) }) { feed.wakeAll() }
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
        // In the middle of its life a database cannot be opened, or read, only because something is used up.
        case let error as DatabaseError where error.resultCode == .SQLITE_NOMEM:
            self = .noResources(call: "sqlite", code: ENOMEM)
        case let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB:
            self = .damaged(error.message ?? "SQLite cannot read it")
        case let error as DatabaseError:
            self = .database(code: Int(error.extendedResultCode.rawValue), message: error.message ?? "")
        default: self = .database(code: Int(ResultCode.SQLITE_ERROR.rawValue), message: "\(type(of: error))")
        }
    }
}
