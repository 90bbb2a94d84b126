import Foundation
import Testing

@testable import Jobs

struct WorkerTests {
    @Test func `jobs are claimed oldest first and each once`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        try fixture.add("job_2")
        let (first, lease) = try fixture.claim()
        #expect(first.id == "job_1" && first.status == .running && first.attempt == 1 && first.startedAt == 200)
        #expect(lease.expiresAt == 260 && lease.jobID == "job_1" && lease.attempt == 1)
        #expect(try fixture.claim().0.id == "job_2")
        #expect(try fixture.store.claim(at: 201, leaseUntil: 261) == nil)
    }

    @Test func `a job that succeeds keeps its result and what it used`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        let usage = JobUsage(cpuSeconds: 1.5, peakMemoryBytes: 4096)
        let job = try fixture.store.finish(lease, .succeeded(result: Data("{}")), usage: usage, at: 250)
        #expect(job.status == .succeeded && job.result == Data("{}") && job.finishedAt == 250)
        #expect(job.cpuSeconds == 1.5 && job.peakMemoryBytes == 4096 && job.lease == nil)
        #expect(try fixture.eventTypes("job_1") == ["status", "status", "status", "done"])
    }

    @Test func `reports add events in order and keep phase and progress that they do not name`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        let event = NewEvent(level: "warning", type: "log", message: "m", data: Data("[1]"))
        try fixture.store.report(
            JobReport(events: [event, event], phase: "search", progress: Data("1")), under: lease, at: 201)
        let job = try fixture.store.report(JobReport(events: [event]), under: lease, at: 202)
        #expect(job.phase == "search" && job.progress == Data("1") && job.lastEventID == 5)
        let events = try fixture.store.events(of: "job_1", after: 2, limit: 2)
        #expect(events.elements.map(\.id) == [3, 4] && events.hasMore)
        #expect(
            events.elements[1]
                == JobEvent(id: 4, createdAt: 201, level: "warning", type: "log", message: "m", data: Data("[1]")))
        #expect(try fixture.store.events(of: "job_1", after: 5, limit: 2).elements.isEmpty)
    }

    @Test func `a worker that outlived its lease can change nothing`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, old) = try fixture.claim(at: 200, leaseUntil: 260)
        #expect(try fixture.store.claim(at: 259, leaseUntil: 300) == nil)
        let (again, new) = try fixture.claim(at: 260, leaseUntil: 320)
        #expect(again.attempt == 1 && new.token != old.token)
        let before = try fixture.store.find("job_1")
        #expect(throws: JobsError.leaseLost) { try fixture.store.renew(old, until: 999) }
        #expect(throws: JobsError.leaseLost) {
            try fixture.store.report(
                JobReport(events: [NewEvent(type: "log", message: "")], phase: "x"), under: old, at: 270)
        }
        #expect(throws: JobsError.leaseLost) { try fixture.store.finish(old, .succeeded(result: Data("old")), at: 270) }
        #expect(throws: JobsError.leaseLost) {
            try fixture.store.requeue(old, countsAttempt: true, availableAt: 0, at: 270)
        }
        #expect(try fixture.store.find("job_1") == before)
        #expect(try fixture.store.finish(new, .succeeded(result: Data("new")), at: 280).result == Data("new"))
        #expect(throws: JobsError.leaseLost) { try fixture.store.finish(new, .cancelled, at: 281) }
    }

    @Test func `job, attempt and token must all be right`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        try fixture.add("job_2")
        let (_, lease) = try fixture.claim()
        let other = try fixture.claim().1
        var wrong = [lease, lease, lease]
        wrong[0].attempt += 1
        wrong[1].token = other.token
        wrong[2].jobID = "job_2"
        for lease in wrong {
            #expect(throws: JobsError.leaseLost) { try fixture.store.renew(lease, until: 999) }
        }
    }

    @Test func `a renewed lease holds longer`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim(at: 200, leaseUntil: 260)
        #expect(try fixture.store.renew(lease, until: 320).leaseExpiresAt == 320)
        #expect(try fixture.store.claim(at: 300, leaseUntil: 360) == nil)
    }

    @Test func `a crash counts as an attempt and waits, the end of a server does neither`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let first = try fixture.claim().1
        let usage = JobUsage(cpuSeconds: 2, peakMemoryBytes: 10)
        try fixture.store.requeue(first, countsAttempt: true, availableAt: 210, usage: usage, at: 205)
        #expect(try fixture.store.nextAvailable() == 210)
        #expect(try fixture.store.claim(at: 209, leaseUntil: 300) == nil)
        let (job, second) = try fixture.claim(at: 210, leaseUntil: 300)
        #expect(job.attempt == 2 && job.startedAt == 200)
        let back = try fixture.store.requeue(second, countsAttempt: false, availableAt: 220, usage: usage, at: 220)
        #expect(back.attempt == 1 && back.cpuSeconds == 4 && back.peakMemoryBytes == 10)
    }

    @Test(arguments: [
        JobOutcome.succeeded(result: Data("r")), .failed(error: Data("e")), .cancelled,
    ])
    func `a job that was asked to be cancelled ends cancelled, whatever its worker says`(outcome: JobOutcome) throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        let asked = try fixture.store.requestCancel("job_1", at: 210)
        #expect(asked.status == .running && asked.cancelRequested)
        #expect(try fixture.store.renew(lease, until: 300).cancelRequested)
        let job = try fixture.store.finish(lease, outcome, at: 220)
        #expect(job.status == .cancelled && job.result == nil && job.error == nil)
    }

    @Test func `a job that was asked to be cancelled is not put back`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        try fixture.store.requestCancel("job_1", at: 210)
        #expect(try fixture.store.requeue(lease, countsAttempt: true, availableAt: 0, at: 220).status == .cancelled)
    }

    @Test func `every change makes the revision grow`() throws {
        let fixture = try Fixture()
        var revisions = [try fixture.add("job_1").revision]
        let (job, lease) = try fixture.claim()
        revisions.append(job.revision)
        revisions.append(try fixture.store.renew(lease, until: 300).revision)
        revisions.append(try fixture.store.report(JobReport(phase: "a"), under: lease, at: 201).revision)
        revisions.append(try fixture.store.requestCancel("job_1", at: 202).revision)
        revisions.append(try fixture.store.finish(lease, .cancelled, at: 203).revision)
        #expect(revisions == Array(Set(revisions)).sorted())
    }
}
