import Foundation
import Synchronization
import Testing

@testable import Jobs

/// Tests of several followers of one job.
struct FeedTests {
    private let far = ContinuousClock.now + .seconds(600)

    /// Follows a job to its end.
    ///
    /// - Returns: the ids of the events in the order of arrival
    private static func follow(_ feed: JobFeed, after: Int = 0, until deadline: ContinuousClock.Instant) async throws
        -> [Int]
    {
        var (ids, revision, after) = ([Int](), 0, after)
        while let update = try await feed.next(after: after, since: revision, until: deadline) {
            ids += update.events.map(\.id)
            after = update.events.last?.id ?? after
            revision = update.hasMore ? 0 : update.job.revision
            if update.job.status.isFinal, !update.hasMore { return ids }
        }
        return ids
    }

    @Test func `everybody gets every event once and in order, wherever they begin`() async throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let (_, lease) = try fixture.claim()
        let (store, deadline) = (fixture.store, far)
        let feed = store.feed(of: "job_1")
        let followers = (0..<20).map { number in
            Task { try await Self.follow(feed, after: number % 3, until: deadline) }
        }
        for step in 0..<50 {
            let events = (0..<25).map { NewEvent(type: "log", message: "\(step).\($0)") }
            try store.report(JobReport(events: events), under: lease, at: 300)
            await Task.yield()
        }
        try store.finish(lease, .succeeded(result: Data("{}")), at: 400)
        let last = try store.find("job_1").lastEventID
        for (number, follower) in followers.enumerated() {
            #expect(try await follower.value == Array(number % 3 + 1...last))
        }
        // A follower of a finished job reads its whole history.
        #expect(try await Self.follow(store.feed(of: "job_1"), until: deadline) == Array(1...last))
    }

    @Test func `a follower of a job that is gone is told so`() async throws {
        let fixture = try Fixture()
        await #expect(throws: JobsError.notFound) {
            try await fixture.store.feed(of: "job_1").next(after: 0, since: 0, until: far)
        }
    }

    @Test func `nothing new is nothing, at the deadline and when all waiting ends`() async throws {
        let fixture = try Fixture()
        let job = try fixture.add("job_1")
        let feed = fixture.store.feed(of: "job_1")
        let none = try await feed.next(after: 1, since: job.revision, until: .now + .milliseconds(20))
        #expect(none?.job == nil)
        let isOver = Mutex(false)
        async let waiting = feed.next(
            after: 1, since: job.revision, until: far, unless: { isOver.withLock(\.self) })
        isOver.withLock { $0 = true }
        fixture.store.wakeAll()
        #expect(try await waiting?.job == nil)
        #expect(ContinuousClock.now < far)
    }

    @Test func `all who follow one job share one feed, and none is kept for nobody`() throws {
        let fixture = try Fixture()
        let first = fixture.store.feed(of: "job_1")
        #expect(fixture.store.feed(of: "job_1") === first)
        #expect(fixture.store.feed(of: "job_2") !== first)
    }

    @Test func `many followers are woken less often, so that together they cost no more`() {
        let intervals = [1, 50, 51, 300, 1000, 1001].map { JobFeed.interval(waking: $0) }
        #expect(intervals == [100, 100, 102, 600, 2000, 2000].map { .milliseconds($0) })
    }
}
