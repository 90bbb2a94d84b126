import Foundation
import Logging
import Testing

@testable import Jobs

/// Tests of steps of the system clock while jobs wait and run.
struct ClockTests {
    @Test func `a job is due at once, whatever the clock says by then`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1", at: 1_000_000)
        #expect(try fixture.store.claim(at: 10, leaseUntil: 70)?.id == "job_1")
    }

    @Test func `a step of the clock takes no job away from a worker that is known to live`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (job, lease) = try fixture.claim()
        #expect(try fixture.store.claim(at: 1_000_000, leaseUntil: 1_000_060, held: [lease.token]) == nil)
        #expect(try fixture.store.find("job_1").leaseToken == job.leaseToken)
        // A lease that is not held expires.
        #expect(try fixture.store.claim(at: 1_000_000, leaseUntil: 1_000_060)?.leaseToken != job.leaseToken)
    }

    @Test func `a retry is due by the clock that never steps`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        try fixture.store.requeue(lease, countsAttempt: true, availableAt: 500, at: 200)
        #expect(try fixture.store.claim(at: 9_999_999, due: 499, leaseUntil: 600) == nil)
        #expect(try fixture.store.claim(at: 1, due: 500, leaseUntil: 600)?.id == "job_1")
    }

    @Test func `a server that starts lets nothing wait for the clock of the one before`() throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        try fixture.store.requeue(lease, countsAttempt: true, availableAt: 1_000_000, at: 200)
        try fixture.store.requeueInterrupted(at: 10)
        #expect(try fixture.store.claim(at: 10, leaseUntil: 70)?.id == "job_1")
    }

    @Test func `a deadline counts the time in which a process worked, not the time of the clock`() async throws {
        let shop = try ScriptedSupervisor(deadlineSeconds: 1000)
        try shop.add("sleep 0.2; \(done)")
        // The first start is long ago by the clock, as after a step.
        let (_, lease) = try shop.fixture.claim(at: 1, leaseUntil: 2)
        try shop.store.requeue(lease, countsAttempt: false, availableAt: 0, at: 1)
        try shop.supervisor.start()
        let job = try await shop.end()
        await shop.supervisor.stop()
        #expect(job.status == .succeeded)
        #expect(job.runningSeconds >= 0.2 && job.runningSeconds < 100)
    }
}
