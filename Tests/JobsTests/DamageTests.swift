import Foundation
import GRDB
import TestSupport
import Testing

@testable import Jobs

/// Tests of the store with a damaged database.
struct DamageTests {
    /// Overwrites bytes of a file.
    private func damage(_ path: String, at offset: Int, _ bytes: [UInt8]) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    /// Opens the database, and retries while it is locked: a process that another test starts holds the inherited lock
    /// until it executes its program.
    private func open(_ path: String) throws -> SQLiteJobStore {
        while true {
            let store = Result<SQLiteJobStore, any Error> { try SQLiteJobStore(path: path) }
            if case .failure(JobsError.inUse) = store { continue }
            return try store.get()
        }
    }

    private func database() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let store = try open(folder.file("jobs.sqlite"))
        for number in 0..<50 { _ = try store.add(NewJob(id: "job_\(number)", payload: Data("{}")), at: 100) }
        return folder
    }

    @Test func `two damaged bytes anywhere are told, or change no job's id and state`() throws {
        let folder = try database()
        let path = folder.file("jobs.sqlite")
        let whole = try Data(contentsOf: URL(filePath: path))
        let statuses = try open(path).allStatuses()
        var numbers = SeededNumbers(state: 7)
        var told = 0
        for page in stride(from: 0, to: whole.count, by: 4096) {
            for _ in 0..<4 {
                try whole.write(to: URL(filePath: path))
                for _ in 0..<2 {
                    let offset = page + Int.random(in: 0..<4096, using: &numbers)
                    try damage(path, at: offset, [whole[offset] ^ UInt8.random(in: 1...255, using: &numbers)])
                }
                do {
                    #expect(try open(path).allStatuses() == statuses)
                } catch {
                    told += 1
                }
            }
        }
        #expect(told > 0)
    }

    @Test func `an id that its index does not know is damage`() throws {
        let folder = try database()
        let path = folder.file("jobs.sqlite")
        var bytes = try Data(contentsOf: URL(filePath: path))
        let place = try #require(bytes.range(of: Data("job_49".utf8)))
        bytes[place.upperBound - 1] ^= 1
        try bytes.write(to: URL(filePath: path))
        let error = #expect(throws: JobsError.self) { try open(path) }
        guard case .damaged = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `warnings are found without a look at all other events`() throws {
        let folder = try database()
        _ = try open(folder.file("jobs.sqlite"))
        let plan = try DatabaseQueue(path: folder.file("jobs.sqlite")).read { database in
            try Row.fetchAll(
                database,
                sql: "EXPLAIN QUERY PLAN SELECT * FROM \(SQLiteJobStore.warnings) AND job_id = ? ORDER BY id LIMIT ?",
                arguments: ["job_1", 100]
            ).map { $0["detail"] as String }
        }
        #expect(plan == ["SEARCH events USING INDEX events_warnings (job_id=?)"])
    }
}
