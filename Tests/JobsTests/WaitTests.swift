import Foundation
import Synchronization
import Testing

@testable import Jobs

struct WaitTests {
    private let far = ContinuousClock.now + .seconds(600)

    @Test func `waiting ends at once when the job has changed already`() async throws {
        let fixture = try Fixture()
        let old = try fixture.add("job_1").revision
        _ = try fixture.claim()
        await fixture.store.waitForChange(of: "job_1", since: old, until: far)
        #expect(ContinuousClock.now < far)
    }

    @Test func `waiting ends with the end of all waiting, for those who are there and those who come late`()
        async throws
    {
        let fixture = try Fixture()
        let (revision, store) = (try fixture.add("job_1").revision, fixture.store)
        let isOver = Mutex(false)
        async let early: Void = store.waitForChange(of: "job_1", since: revision, until: far) {
            isOver.withLock(\.self)
        }
        isOver.withLock { $0 = true }
        store.wakeAll()
        await store.waitForChange(of: "job_1", since: revision, until: far) { isOver.withLock(\.self) }
        await early
        #expect(ContinuousClock.now < far)
    }

    @Test func `waiting ends at once when there is no job`() async throws {
        let fixture = try Fixture()
        await fixture.store.waitForChange(of: "job_1", since: 1, until: far)
        #expect(ContinuousClock.now < far)
    }

    @Test func `waiting ends with a change, for everybody who waits`() async throws {
        let fixture = try Fixture()
        let (job, lease) = try {
            try fixture.add("job_1"); return try fixture.claim()
        }()
        let store = fixture.store
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { await store.waitForChange(of: "job_1", since: job.revision, until: far) }
            }
            await Task.yield()
            _ = try? store.report(JobReport(phase: "a"), under: lease, at: 201)
        }
        #expect(try store.find("job_1").revision > job.revision && ContinuousClock.now < far)
    }

    @Test func `a change of another job does not end the wait, the deadline does`() async throws {
        let fixture = try Fixture()
        let job = try fixture.add("job_1")
        try fixture.add("job_2")
        let deadline = ContinuousClock.now + .milliseconds(30)
        try fixture.store.requestCancel("job_2", at: 101)
        await fixture.store.waitForChange(of: "job_1", since: job.revision, until: deadline)
        #expect(ContinuousClock.now >= deadline)
    }

    @Test func `a cancelled task waits no longer`() async throws {
        let fixture = try Fixture()
        let job = try fixture.add("job_1")
        let store = fixture.store
        let task = Task { await store.waitForChange(of: "job_1", since: job.revision, until: far) }
        task.cancel()
        await task.value
        #expect(ContinuousClock.now < far)
    }
}
