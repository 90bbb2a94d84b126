import Foundation
import GRDB
import SystemCalls
import TestSupport
import Testing

@testable import Jobs

struct RecoveryTests {
    @Test func `a second process is told who has the database`() throws {
        let fixture = try Fixture()
        let path = fixture.folder.file("jobs.sqlite")
        #expect(throws: JobsError.inUse(processID: Int(getpid()))) { try SQLiteJobStore(path: path) }
    }

    @Test func `a folder that does not exist is an error and no crash`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: JobsError.system(SystemError(call: "open", code: ENOENT))) {
            try SQLiteJobStore(path: folder.file("none/jobs.sqlite"))
        }
    }

    @Test func `a file that is no database is an error and no crash`() throws {
        let folder = try TemporaryFolder()
        try Data(repeating: 7, count: 8192).write(to: URL(filePath: folder.file("jobs.sqlite")))
        #expect(throws: JobsError.self) { try SQLiteJobStore(path: folder.file("jobs.sqlite")) }
    }

    @Test func `commits are synced and logged ahead`() throws {
        let fixture = try Fixture()
        let synchronous = try fixture.store.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        let journal = try fixture.store.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
        #expect(synchronous == 2 && journal == "wal")
    }

    @Test func `what was acknowledged is there when the database is opened again`() throws {
        let folder = try TemporaryFolder()
        let job = try open(folder) { store in
            _ = try store.add(NewJob(id: "job_1", payload: Data("p")), at: 100)
            return try store.appendEvents([NewEvent(type: "log", message: "m")], to: "job_1", at: 101)
        }
        try open(folder) { store in
            #expect(try store.find("job_1") == job)
            #expect(try store.events(of: "job_1", limit: 9).elements.map(\.id) == [1, 2])
            try store.appendEvents([NewEvent(type: "log", message: "n")], to: "job_1", at: 102)
            #expect(try store.events(of: "job_1", after: 2, limit: 9).elements.map(\.id) == [3])
        }
    }

    @Test func `jobs that ran when the server died run again, and it does not count as an attempt`() throws {
        let folder = try TemporaryFolder()
        let lease = try open(folder) { store in
            for number in 1...3 { _ = try store.add(NewJob(id: "job_\(number)", payload: Data()), at: 100) }
            let first = try #require(try store.claim(at: 200, leaseUntil: 260)?.lease)
            _ = try store.claim(at: 200, leaseUntil: 260)
            try store.requestCancel("job_2", at: 201)
            return first
        }
        try open(folder) { store in
            let taken = try store.requeueInterrupted(at: 210)
            #expect(taken.map(\.id) == ["job_1", "job_2"])
            #expect(taken.map(\.status) == [.queued, .cancelled])
            #expect(throws: JobsError.leaseLost) { try store.finish(lease, .succeeded(result: Data()), at: 211) }
            let again = try #require(try store.claim(at: 211, leaseUntil: 300))
            #expect(again.id == "job_1" && again.attempt == 1 && again.startedAt == 200)
        }
    }

    private func open<Value>(_ folder: TemporaryFolder, _ body: (SQLiteJobStore) throws -> Value) throws -> Value {
        try body(SQLiteJobStore(path: folder.file("jobs.sqlite")))
    }
}
