import Foundation
import GRDB
import Testing

@testable import Jobs

struct SubmissionTests {
    @Test func `a new job waits in the queue with everything it was given`() throws {
        let fixture = try Fixture()
        let new = NewJob(
            id: "job_1", payload: Data("work"), metadata: Data(#"{"team":"a"}"#),
            idempotency: Idempotency(clientID: "mine", bodyDigest: "d1"))
        let added = try fixture.store.add(new, at: 100)
        let job = try fixture.store.find("job_1")
        #expect(added == .added(job))
        #expect(job.status == .queued && job.createdAt == 100 && job.attempt == 0)
        #expect(job.payload == Data("work") && job.metadata == Data(#"{"team":"a"}"#))
        #expect(job.idempotency == Idempotency(clientID: "mine", bodyDigest: "d1"))
        #expect(try fixture.store.find(clientID: "mine") == job)
        #expect(try fixture.store.find(clientID: "other") == nil)
    }

    @Test func `the same client id and body give the job that exists`() throws {
        let fixture = try Fixture()
        var new = NewJob(id: "job_1", payload: Data(), idempotency: Idempotency(clientID: "mine", bodyDigest: "d1"))
        let first = try fixture.store.add(new, at: 100).job
        new.id = "job_2"
        #expect(try fixture.store.add(new, at: 101) == .existing(first))
        #expect(throws: JobsError.notFound) { try fixture.store.find("job_2") }
    }

    @Test func `the same client id with another body is a conflict`() throws {
        let fixture = try Fixture()
        var new = NewJob(id: "job_1", payload: Data(), idempotency: Idempotency(clientID: "mine", bodyDigest: "d1"))
        _ = try fixture.store.add(new, at: 100)
        new.id = "job_2"
        new.idempotency?.bodyDigest = "d2"
        #expect(throws: JobsError.idempotencyConflict) { try fixture.store.add(new, at: 101) }
    }

    @Test func `an error of the database names no value that was bound`() throws {
        let fixture = try Fixture()
        try fixture.add("job_secret")
        let error = #expect(throws: JobsError.self) { try fixture.add("job_secret") }
        let text = try #require(error).description
        #expect(text.contains("UNIQUE") && !text.contains("secret"))
    }

    @Test func `lists are newest first, in pages`() throws {
        let fixture = try Fixture()
        for number in 1...5 { try fixture.add("job_\(number)", at: 100 - number) }
        let first = try fixture.store.list(limit: 2)
        #expect(first.elements.map(\.id) == ["job_5", "job_4"] && first.hasMore)
        let last = try fixture.store.list(limit: 3, after: "job_4")
        #expect(last.elements.map(\.id) == ["job_3", "job_2", "job_1"] && !last.hasMore)
        #expect(throws: JobsError.notFound) { try fixture.store.list(limit: 1, after: "job_9") }
    }

    @Test func `lists can be of one state or label`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        try fixture.add("job_2")
        _ = try fixture.store.add(
            NewJob(id: "job_3", payload: Data(), metadata: Data(#"{"team":"a","n":"1"}"#)), at: 100)
        _ = try fixture.claim()
        #expect(try fixture.store.list(limit: 9, status: .running).elements.map(\.id) == ["job_1"])
        #expect(try fixture.store.list(limit: 9, status: .queued).elements.map(\.id) == ["job_3", "job_2"])
        #expect(try fixture.store.list(limit: 9, metadata: ["team": "a", "n": "1"]).elements.map(\.id) == ["job_3"])
        #expect(try fixture.store.list(limit: 9, metadata: ["team": "a", "n": "2"]).elements.isEmpty)
    }

    @Test func `queue positions count those that came before`() throws {
        let fixture = try Fixture()
        for number in 1...3 { try fixture.add("job_\(number)") }
        #expect(try fixture.store.queuePosition("job_3") == 3)
        _ = try fixture.claim()
        #expect(try fixture.store.queuePosition("job_1") == nil)
        #expect(try fixture.store.queuePosition("job_3") == 2)
        let counts = try fixture.store.counts()
        #expect(counts[.queued] == 2 && counts[.running] == 1 && counts[.failed] == 0)
    }

    @Test func `a job that waits is cancelled at once, and once only`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let job = try fixture.store.requestCancel("job_1", at: 150)
        #expect(job.status == .cancelled && job.finishedAt == 150)
        #expect(try fixture.store.claim(at: 200, leaseUntil: 260) == nil)
        #expect(throws: JobsError.notCancellable(.cancelled)) { try fixture.store.requestCancel("job_1", at: 151) }
    }

    @Test func `only what has ended can be deleted, and its events go with it`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        #expect(throws: JobsError.notFinished(.queued)) { try fixture.store.delete("job_1") }
        try fixture.store.requestCancel("job_1", at: 150)
        try fixture.store.delete("job_1")
        #expect(throws: JobsError.notFound) { try fixture.store.find("job_1") }
        #expect(throws: JobsError.notFound) { try fixture.store.events(of: "job_1", limit: 1) }
        let events = try fixture.store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM events") }
        #expect(events == 0)
    }
}
